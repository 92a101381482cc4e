"""The mails that are to be sent: rows of the outbox, read as letters, and what becomes of them.

A mail is done only after the server's 250. For a message that is delivered by e-mail only (row 13), the same
transaction that closes the row also says where the message goes: away where the mail carried it, else into the mailbox.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from mail.invitation import Invitation
from mail.letter import Letter, Purpose
from mail.notice import Notice
from voicebox.announcement import Change
from voicebox.clock import Clock
from voicebox.events import Events, MailboxChanged
from voicebox.links import Links
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Message, MessageKind
from voicebox.metrics import Metrics
from voicebox.storage import confirmations, mailboxes, messages, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Entry, backoff_s

LEASE_S: Final = 60.0
"""How long a claimed mail is ours; short, so that one whose process died waits no longer than this."""
AUDIO_PAUSE_S: Final = 15.0
"""Until the recording is looked for again: longer than a node takes to bring it to the store; then twice that."""
AUDIO_PAUSE_MAX_S: Final = 240.0
"""However long its node is down: soon after it is back, the mail goes out."""
TRIED_FOR: Final = {
    Purpose.NOTIFY: timedelta(days=5),  # RFC 5321 section 4.5.4.1: at least 4 to 5 days
    Purpose.COPY: timedelta(days=5),
    Purpose.REQUEST: timedelta(days=5),
    Purpose.CHANGED: timedelta(days=5),
    Purpose.CONFIRM: timedelta(days=2),  # then its link is too old
    Purpose.REDIRECT: timedelta(days=1),  # the message itself: it must not stay out of reach for longer
}
KINDS: Final = tuple(purpose.value for purpose in sorted(Purpose, key=lambda each: TRIED_FOR[each]))
"""In the order they are sent in: what has the least time left goes before thousands of what has more."""
WARNING_REFUSED: Final = "mail-refused"
WARNING_CONFIDENTIAL: Final = "confidential"
WARNING_AUDIO_LOST: Final = "audio-lost"

logger = logging.getLogger(__name__)


class Outgoing:
    """The queue as the notifier sees it."""

    def __init__(
        self,
        db: Database,
        events: Events,
        clock: Clock,
        *,
        links: Links | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._db = db
        self._events = events
        self._clock = clock
        self._links = links
        """Makes the links in mails; without it there are none."""
        self._metrics = metrics

    async def next_due_s(self) -> float | None:
        """Return in how many seconds the next mail is due, 0 for now; None if none is waiting."""
        async with self._db.read() as connection:
            due_at = await outbox.next_due_at(connection, KINDS)
        return None if due_at is None else max(0.0, (due_at - self._clock.now()).total_seconds())

    async def claim(self, limit: int) -> list[Entry]:
        """Take at most `limit` mails that are due, in the order of `KINDS`; nobody else gets them for `LEASE_S` s."""
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> list[Entry]:
            claimed: list[Entry] = []
            for kind in KINDS:
                if len(claimed) < limit:
                    left = limit - len(claimed)
                    claimed += await outbox.claim_due(connection, kind, limit=left, now=now, lease_s=LEASE_S)
            return claimed

        return await self._db.write(work)

    async def renew(self, entry: Entry) -> None:
        """Keep a claimed mail for another `LEASE_S` seconds; its last error stays."""
        until = self._clock.now() + timedelta(seconds=LEASE_S)
        await self._db.write(lambda connection: outbox.renew(connection, entry, until))

    async def letter(self, entry: Entry) -> Letter | Notice | Invitation | None:
        """Return what a row asks for, without the recording; None if its message or mailbox is gone."""
        if entry.kind == Purpose.CHANGED:
            return await self._notice(entry)
        if entry.kind == Purpose.CONFIRM:
            return await self._invitation(entry)
        if entry.message_id is None or entry.mailbox_id is None:
            return None
        async with self._db.read() as connection:
            found = await messages.get_any(connection, entry.message_id)
            mailbox = await mailboxes.by_id(connection, entry.mailbox_id)
            company = await _company(connection, entry)
            held = await confirmations.held(connection, entry.mailbox_id)
            forwarder = None
            if found is not None and found[0].kind is MessageKind.FORWARD and found[0].sender_id is not None:
                forwarder = await mailboxes.by_id(connection, found[0].sender_id)
        if found is None or mailbox is None or company is None:
            return None
        letter = Letter(
            purpose=Purpose(entry.kind),
            key=entry.key,
            to=_address(entry, mailbox, held),
            message=found[0],
            mailbox=mailbox,
            company=company,
            written_at=entry.created_at,
            forwarder=forwarder,
        )
        if self._links is None or not letter.message.confidential or letter.purpose is Purpose.NOTIFY:
            return letter
        return replace(letter, listen_url=self._links.listen_url(letter.message.id, entry.tried_since))

    async def _notice(self, entry: Entry) -> Notice | None:
        if entry.mailbox_id is None:
            return None
        async with self._db.read() as connection:
            mailbox = await mailboxes.by_id(connection, entry.mailbox_id)
            company = await _company(connection, entry)
        if mailbox is None or company is None:
            return None
        change = str(entry.payload.get("change"))
        return Notice(
            key=entry.key,
            to=str(entry.payload.get("to", "")),
            change=Change(change) if change in list(Change) else None,
            detail=str(entry.payload.get("detail", "")),
            mailbox=mailbox,
            company=company,
            written_at=entry.created_at,
        )

    async def _invitation(self, entry: Entry) -> Invitation | None:
        """Return what asks an address to confirm; None if nobody asks it any more, or it was asked again since."""
        if entry.mailbox_id is None or self._links is None:
            return None
        async with self._db.read() as connection:
            asked = await confirmations.get(connection, int(entry.payload.get("address", 0)))
            mailbox = await mailboxes.by_id(connection, entry.mailbox_id)
            company = await _company(connection, entry)
        if asked is None or mailbox is None or company is None or asked.expires_at is None:
            return None
        if asked.confirmed_at is not None or asked.created_at != entry.created_at:
            return None
        token = self._links.confirmation_token(asked.id, asked.created_at)
        return Invitation(
            key=entry.key,
            to=str(entry.payload.get("to", "")),
            url=self._links.confirmation_url(token),
            expires_at=asked.expires_at,
            mailbox=mailbox,
            company=company,
            written_at=entry.created_at,
        )

    async def delivered(self, entry: Entry, letter: Letter | Notice | Invitation | None) -> None:
        """Close a row: the server said 250, or (no letter) there is nothing left to send."""
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Message | None:
            await outbox.done(connection, entry, now)
            if not isinstance(letter, Letter) or letter.purpose is not Purpose.REDIRECT:
                return None
            if letter.carries_message:
                await messages.redirected(connection, letter.message.id, now)
                return None
            why = WARNING_CONFIDENTIAL if letter.message.confidential else WARNING_AUDIO_LOST
            return await self._into_mailbox(connection, letter.message.id, why, now)

        self._tell(await self._db.write(work))

    async def postponed(self, entry: Entry, error: str, *, pause_s: float | None = None) -> None:
        """Note a failure and try again later, after `pause_s`, else by the outbox's rule; or give it up as too old."""
        now, purpose = self._clock.now(), Purpose(entry.kind)
        # An invitation's link is no younger for being tried anew.
        since = entry.created_at if purpose is Purpose.CONFIRM else entry.tried_since
        if now - since >= TRIED_FOR[purpose]:
            await self.refused(entry, f"given up after {entry.attempts} attempts: {error}")
            return
        again_at = now + timedelta(seconds=backoff_s(entry.attempts) if pause_s is None else pause_s)
        await self._db.write(lambda connection: outbox.failed(connection, entry, error, again_at))

    async def refused(self, entry: Entry, error: str) -> None:
        """Give a mail up, with the reason, which is logged and counted; a message by e-mail only goes into its mailbox.

        All that is given up comes by here.
        """
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Message | None:
            await outbox.give_up(connection, entry, error, now)
            if entry.kind != Purpose.REDIRECT or entry.message_id is None:
                return None
            return await self._into_mailbox(connection, entry.message_id, WARNING_REFUSED, now)

        released = await self._db.write(work)
        logger.error("mail %s will not be sent: %s", entry.key, error)
        if self._metrics is not None:
            self._metrics.outbox_given_up(entry.kind)
        self._tell(released)

    @staticmethod
    async def _into_mailbox(connection: AsyncConnection, message_id: str, why: str, now: datetime) -> Message | None:
        released = await messages.release(connection, message_id, why, now)
        if released is not None:
            await outbox.remind_light(connection, released.company_id, released.mailbox_id, now)
        return released

    def _tell(self, released: Message | None) -> None:
        if released is not None:
            self._events.publish(MailboxChanged(released.company_id, released.mailbox_id))


async def _company(connection: AsyncConnection, entry: Entry) -> Company | None:
    """Return whose row it is; None where the company is gone."""
    return next((each for each in await mailboxes.companies(connection) if each.id == entry.company_id), None)


def _address(entry: Entry, mailbox: Mailbox, held: frozenset[str]) -> str:
    """Return where a mail goes: as its row says; a message by e-mail only, to where its mailbox sends them now."""
    to = str(entry.payload.get("to", ""))
    now = mailbox.redirect_email
    return now if entry.kind == Purpose.REDIRECT and now is not None and now.casefold() not in held else to
