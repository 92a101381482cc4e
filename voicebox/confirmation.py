"""Asking an address whether it wants mails, where a subscriber and not an administrator named it.

Without that, anybody with a mailbox could have a stranger's address flooded with messages, or his own mailed to a
mistyped one. The address is set at once and shown as waiting; until it has confirmed, no message goes there: notices
and copies are not sent, and messages by e-mail only go into the mailbox, with a warning. What an administrator sets
(`apply`, the command line) counts as confirmed.

The secret in the link is made from the installation's key when the mail is written, and its SHA-256 is kept to find
the address by; looking at the link changes nothing, since mail scanners do that too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Final

from pydantic import TypeAdapter, ValidationError

from voicebox.announcement import Change
from voicebox.clock import Clock
from voicebox.directory_entries import Email
from voicebox.events import Events, MailboxChanged, OutboxGrew
from voicebox.i18n import Language
from voicebox.ids import new_id
from voicebox.links import Links
from voicebox.mailbox import Mailbox
from voicebox.notices import tell_owner
from voicebox.storage import confirmations, mailboxes, outbox
from voicebox.storage.confirmations import NamedAddress
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind

GOOD_FOR: Final = timedelta(hours=48)
AGAIN_AFTER: Final = timedelta(minutes=15)
"""Until the same address is asked again."""
ASKED_A_DAY: Final = 10
"""Mails that one mailbox has strangers sent in 24 hours, whatever addresses it names."""

_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(Email)


class AddressOf(StrEnum):
    """Which of a mailbox's addresses; the values are its fields."""

    OWN = "email"
    NOTIFY = "notify_email"
    COPY = "copy_email"
    REDIRECT = "redirect_email"


class Asked(Enum):
    """What became of a wish."""

    SENT = auto()
    """A mail asks the address."""
    CONFIRMED = auto()
    """It needs no asking."""
    WAITING = auto()
    """It was asked before, and its link is still good."""
    TOO_MANY = auto()
    """It was asked just now, or too many were; nothing was changed."""
    REFUSED = auto()
    """It is no address; nothing was changed."""
    GONE = auto()
    """There is no such mailbox any more."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the page behind a link shows."""

    address: str
    mailbox: str
    """Its extension."""
    owner: str
    company: str
    language: Language
    confirmed: bool


class _TooMany(Exception):  # noqa: N818 - what happened
    def __init__(self, which: AddressOf) -> None:
        super().__init__(which)
        self.which = which


class Confirmations:
    """The addresses that subscribers name."""

    def __init__(self, db: Database, events: Events, clock: Clock, links: Links) -> None:
        self._db = db
        self._events = events
        self._clock = clock
        self._links = links

    async def set_addresses(
        self, mailbox: Mailbox, wanted: Mapping[AddressOf, str | None]
    ) -> Mapping[AddressOf, Asked]:
        """Set addresses of a mailbox as its owner wants them, and ask those that have not confirmed.

        None takes an address away. The owner is told where mails went until now. Where anything returned is TOO_MANY,
        REFUSED or GONE, nothing was changed, and no more is returned than that.
        """
        plain = {which: None if address is None else _plain(address) for which, address in wanted.items()}
        refused = {
            which: Asked.REFUSED for which, address in wanted.items() if address is not None and plain[which] is None
        }
        return refused or await self._set(mailbox, plain)

    async def request(self, mailbox: Mailbox, address: str) -> Asked:
        """Ask an address of a mailbox again: the mail got lost, or its link is too old."""
        plain = _plain(address)
        if plain is None:
            return Asked.REFUSED
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Asked:
            before = await mailboxes.by_id(connection, mailbox.id)
            return Asked.GONE if before is None else await self._ask(connection, before, plain, now, again=True)

        asked = await self._db.write(work)
        if asked is Asked.SENT:
            self._events.publish(OutboxGrew(Kind.MAIL_CONFIRM))
        return asked

    async def pending(self, mailbox: Mailbox) -> list[NamedAddress]:
        """Return the addresses of a mailbox that have not confirmed."""
        async with self._db.read() as connection:
            return [each for each in await confirmations.named(connection, mailbox.id) if each.confirmed_at is None]

    async def look(self, token: str) -> Request | None:
        """Return what a link asks for, changing nothing; None if it is none of ours, or too old."""
        async with self._db.read() as connection:
            return await self._request(connection, token)

    async def confirm(self, token: str) -> Request | None:
        """Confirm an address; doing so twice is well. None if the link is none of ours, or too old."""
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Request | None:
            found = await confirmations.by_token(connection, _digest(token))
            if found is not None and _is_good(found, now):
                await confirmations.confirm(connection, [found.id], now)
            return await self._request(connection, token)

        return await self._db.write(work)

    async def _set(self, mailbox: Mailbox, wanted: Mapping[AddressOf, str | None]) -> Mapping[AddressOf, Asked]:
        now = self._clock.now()
        notices = {which: new_id() for which in wanted}

        async def work(connection: AsyncConnection) -> dict[AddressOf, Asked]:
            before = await mailboxes.by_id(connection, mailbox.id)
            if before is None:
                return dict.fromkeys(wanted, Asked.GONE)
            asked = dict.fromkeys(wanted, Asked.CONFIRMED)
            for which, address in wanted.items():
                if address is not None:
                    asked[which] = await self._ask(connection, before, address, now, again=False)
                if asked[which] is Asked.TOO_MANY:
                    raise _TooMany(which)  # undoes the others
                # The owner is told where the owner was until now (security.md, row 4).
                if address != (was := getattr(before, which.value)):
                    change = Change.ADDRESS if address else Change.ADDRESS_REMOVED
                    await tell_owner(connection, before, change, now, notice_id=notices[which], detail=address or was)
            changes = {which.value: address for which, address in wanted.items()}
            await mailboxes.change_mailbox(connection, before, changes, now)
            return asked

        try:
            asked = await self._db.write(work)
        except _TooMany as too_many:
            return {too_many.which: Asked.TOO_MANY}
        if Asked.SENT in asked.values():
            self._events.publish(OutboxGrew(Kind.MAIL_CONFIRM))
        self._events.publish(OutboxGrew(Kind.MAIL_CHANGED))
        self._events.publish(MailboxChanged(mailbox.company_id, mailbox.id))
        return asked

    async def _ask(
        self, connection: AsyncConnection, mailbox: Mailbox, address: str, now: datetime, *, again: bool
    ) -> Asked:
        known = {each.address.casefold(): each for each in await confirmations.named(connection, mailbox.id)}
        named = known.get(address.casefold())
        if named is None and address.casefold() in _set_by_others(mailbox):
            return Asked.CONFIRMED
        if named is not None and named.confirmed_at is not None:
            return Asked.CONFIRMED
        if named is not None and not again and _is_good(named, now):
            return Asked.WAITING
        if named is not None and now - named.created_at < AGAIN_AFTER:
            return Asked.TOO_MANY
        if await confirmations.asked_since(connection, mailbox.id, now - timedelta(days=1)) >= ASKED_A_DAY:
            return Asked.TOO_MANY
        key = await confirmations.ask(
            connection,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            address=named.address if named is not None else address,
            now=now,
            expires_at=now + GOOD_FOR,
        )
        token = self._links.confirmation_token(key, now)
        await confirmations.set_token(connection, key, _digest(token))
        name = f"{Kind.MAIL_CONFIRM}:{key}:{now.isoformat()}"
        draft = Draft(mailbox.company_id, Kind.MAIL_CONFIRM, name, mailbox.id, payload={"to": address, "address": key})
        await outbox.add(connection, [draft], now)
        return Asked.SENT

    async def _request(self, connection: AsyncConnection, token: str) -> Request | None:
        found = await confirmations.by_token(connection, _digest(token))
        if found is None or not _is_good(found, self._clock.now()):
            return None
        owner = await mailboxes.by_id(connection, found.mailbox_id)
        companies = {each.id: each for each in await mailboxes.companies(connection)}
        if owner is None:
            return None
        return Request(
            address=found.address,
            mailbox=owner.number,
            owner=owner.name,
            company=companies[found.company_id].name,
            language=owner.language,
            confirmed=found.confirmed_at is not None,
        )


def _plain(address: str) -> str | None:
    try:
        return _EMAIL.validate_python(address.strip())
    except ValidationError:
        return None


def _set_by_others(mailbox: Mailbox) -> frozenset[str]:
    """Return the addresses of a mailbox; those among them that its owner named have rows."""
    return frozenset(each.casefold() for which in AddressOf if (each := getattr(mailbox, which.value)) is not None)


def _is_good(found: NamedAddress, now: datetime) -> bool:
    return found.expires_at is not None and found.expires_at > now


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
