"""The way out of a mailbox: `0` connects the caller to whom the subscriber named (voicemail.md, row 17)."""

from typing import Final

from ivr.call import Call, Clip, Sound
from ivr.flows.connecting import Connection, connect
from ivr.flows.services import Services
from ivr.keymap import Act, Menu
from prompts.phrases import say
from voicebox.mailbox import Mailbox

TRIES: Final = 3
"""Transfers that come to nothing before `0` does nothing more: each may ring, and cost, anew."""


class ZeroOut:
    """One caller's way out of one mailbox."""

    def __init__(self, call: Call, services: Services, mailbox: Mailbox) -> None:
        self._call = call
        self._services = services
        self._mailbox = mailbox
        self._left = TRIES if mailbox.zero_out is not None else 0

    @property
    def offered(self) -> bool:
        """Whether `0` does anything."""
        return self._left > 0

    def menu(self, menu: Menu) -> Menu:
        """Return a menu as it is for this caller."""
        return menu if self.offered else menu.without(Act.TRANSFER)

    def hint(self, greeting: Sound) -> tuple[Sound, ...]:
        """Return what tells of `0` after a greeting: after a default one only, since an own one says what it likes."""
        if isinstance(greeting, Clip) or not self.offered:
            return ()
        return (say(self._mailbox.language, "greeting-zero"),)

    async def usable(self) -> bool:
        """Tell whether the outbound policy would allow it now."""
        number = self._mailbox.zero_out
        return self.offered and number is not None and await self._services.outcalls.would_admit(self._mailbox, number)

    async def go(self, *before: Sound) -> Connection:
        """Say `before` and connect the caller.

        Raises:
            Hangup: the call is over.
        """
        number = self._mailbox.zero_out
        if number is None or not self.offered:
            return Connection.REFUSED
        self._left -= 1
        return await connect(self._call, self._services, self._mailbox, number, *before, diverted=True)
