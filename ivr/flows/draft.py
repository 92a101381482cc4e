"""What a caller is about to leave: the recording being made, the takes that are on disk, the marks, the sending."""

import asyncio
from dataclasses import dataclass, field, replace

from ivr import menu
from ivr.call import Call, Recorded, RecordEnd, RecordLimits, Sound
from ivr.flows.asking import tell
from ivr.flows.services import Services
from ivr.flows.zeroout import ZeroOut
from ivr.keymap import Act
from prompts import phrases
from voicebox.deposit import MESSAGE_MIN_S, DepositContext
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Message, Reason, Take


def usable(recorded: Recorded) -> Take | None:
    """Return the take if it is long enough to be a message."""
    take = recorded.take
    return take if take is not None and take.duration_s >= MESSAGE_MIN_S else None


@dataclass(slots=True)
class Draft:
    """A take on its way to becoming a message."""

    take: Take
    context: DepositContext
    ended: RecordEnd
    """Why the latest recording ended."""
    urgent: bool = False
    confidential: bool = False
    leaving: bool = False
    """The caller pressed `0`: it is to be sent, and the caller connected."""
    earlier: list[Take] = field(default_factory=list)
    """Takes this one replaces: kept until it has been accepted."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """One caller at one mailbox."""

    call: Call
    services: Services
    mailbox: Mailbox
    reason: Reason
    limits: RecordLimits
    way_out: ZeroOut
    another: bool = False
    """One of this caller's messages has been sent already."""

    @property
    def language(self) -> Language:
        """The mailbox's language."""
        return self.mailbox.language

    def context(self, replaces: Take | None = None) -> DepositContext:
        """Return what a recording begun now needs to become a message, also after a crash."""
        return DepositContext(
            company_id=self.mailbox.company_id,
            mailbox_id=self.mailbox.id,
            call_id=self.call.facts.id,
            caller=self.call.facts.arrival.caller,
            reason=self.reason,
            received_at=self.services.clock.now(),
            replaces=replaces.id if replaces else None,
        )

    async def greet(self, *greeting: Sound, login: bool = False) -> Act | None:
        """Say what comes before the tone; return what the key that stopped it does.

        With `login`, `*` leads to the portal where this caller may (security.md, row 3).
        """
        heard = self.way_out.menu(menu.GREETING)
        if not (login and self.call.facts.may_log_in):
            heard = heard.without(Act.LOGIN)
        return heard.act((await self.call.play(*greeting, keys=heard.keys)).key)

    async def record(self, context: DepositContext) -> Recorded:
        """Sound the tone, and record.

        Raises:
            Hangup: the caller hung up before the recording began.
        """
        await tell(self.call, phrases.record_tone(self.language))
        self.call.forget_keys()  # a second # of an impatient caller must not end the recording at once
        limits = replace(self.limits, stop_keys=self.way_out.menu(menu.RECORDING).keys)
        return await self.call.record(context.to_bytes(), limits)

    async def discard(self, *takes: Take | None) -> None:
        """Forget what there is of takes.

        All at once: where the disk refuses the first mark, the others are still made, and written later.
        """
        await asyncio.gather(*(self.call.discard(take) for take in takes if take is not None))

    async def send(self, draft: Draft) -> Message | None:
        """Deposit the draft, then forget the takes it replaces; what is returned is durable."""
        message = await self.services.deposits.accept(
            draft.context, draft.take, urgent=draft.urgent, confidential=draft.confidential
        )
        if message is not None:
            self.call.note("message", id=message.id)
        # The one it replaces goes with the acceptance.
        await self.discard(*(take for take in draft.earlier if take.id != draft.context.replaces))
        return message
