"""One mailbox's messages: what phone, web and API do with them.

Every change is a compare-and-set on the message's folder: where two people work on one mailbox, the second one is
told (by None) that the message is not where it was. Each change writes the light's outbox row in its transaction, and
tells the process after the commit.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from voicebox.clock import Clock
from voicebox.events import Events, MailboxChanged
from voicebox.mailbox import Mailbox
from voicebox.message import Counts, Message, State
from voicebox.storage import holdings, messages, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.messages import Cursor

__all__ = ["PAGE_MAX", "Cursor", "Inbox", "cursor_of"]

PAGE_MAX: Final = 500
"""Messages in one answer: more are asked for with a cursor."""

_Move = Callable[[AsyncConnection, int, str, datetime], Awaitable[Message | None]]
_Mark = Callable[[AsyncConnection, int, str, int, datetime], Awaitable[Message | None]]


class Inbox:
    """The messages of one mailbox. Cheap to make: it holds nothing."""

    def __init__(self, db: Database, events: Events, clock: Clock, mailbox: Mailbox) -> None:
        self._db = db
        self._events = events
        self._clock = clock
        self._mailbox = mailbox

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox as it was when this was made."""
        return self._mailbox

    async def counts(self) -> Counts:
        """Count the messages, all figures of one moment."""
        async with self._db.read() as connection:
            return await holdings.counts(connection, self._mailbox.id)

    async def messages(
        self, state: State, *, after: Cursor | None = None, limit: int = PAGE_MAX, newest_first: bool = False
    ) -> list[Message]:
        """Return a folder by time, at most `limit` messages from the one after the cursor (`cursor_of` the last)."""
        async with self._db.read() as connection:
            return await messages.page(
                connection,
                self._mailbox.id,
                state,
                after=after,
                limit=min(limit, PAGE_MAX),
                newest_first=newest_first,
            )

    async def get(self, message_id: str) -> Message | None:
        """Return a message of this mailbox; None if it is another's or nobody's."""
        async with self._db.read() as connection:
            found = await messages.get(connection, message_id)
        return found if found is not None and found.mailbox_id == self._mailbox.id else None

    async def heard(self, message_id: str) -> Message | None:
        """Move a new message, heard to its end, to the saved ones; None if it is not new (any more)."""
        return await self._move(messages.heard, message_id)

    async def save(self, message_id: str) -> Message | None:
        """Move a new message to the saved ones; None if it is not new (any more)."""
        return await self._move(messages.save, message_id)

    async def keep_new(self, message_id: str) -> Message | None:
        """Move a saved message back to the new ones; None if it is not saved (any more)."""
        return await self._move(messages.keep_new, message_id)

    async def delete(self, message_id: str) -> Message | None:
        """Move a new or saved message to the deleted ones; None if it is in neither (any more)."""
        return await self._move(messages.delete, message_id)

    async def restore(self, message_id: str) -> Message | None:
        """Move a deleted message back to the folder it was deleted from; None if it is not deleted (any more)."""
        return await self._move(messages.restore, message_id)

    async def claim(self, message_id: str, by: Mailbox) -> Message | None:
        """Note that `by` takes care of a message; None if somebody does already, or it is not there (any more)."""
        return await self._marked(messages.claim, message_id, by)

    async def handled(self, message_id: str, by: Mailbox) -> Message | None:
        """Mark a message as handled by `by`; None if it is handled already, or not there (any more)."""
        return await self._marked(messages.handle, message_id, by)

    async def delete_all(self, *, there_until: datetime | None = None) -> int:
        """Delete all new and saved messages; returns how many.

        `there_until` is the moment the subscriber was asked: a message that came into its folder after it was not
        meant, though its recording may have begun before.
        """
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> int:
            how_many = await messages.delete_all(
                connection,
                self._mailbox.id,
                states=(State.NEW, State.SAVED),
                until=there_until or now,
                now=now,
            )
            if how_many:
                await self._remind_light(connection, now)
            return how_many

        how_many = await self._db.write(work)
        if how_many:
            self._tell()
        return how_many

    async def _marked(self, mark: _Mark, message_id: str, by: Mailbox) -> Message | None:
        """Write who does what; it stays in its folder, so that no light changes."""
        now = self._clock.now()
        marked = await self._db.write(lambda connection: mark(connection, self._mailbox.id, message_id, by.id, now))
        if marked is not None:
            self._events.publish(MailboxChanged(self._mailbox.company_id, self._mailbox.id))
        return marked

    async def _move(self, move: _Move, message_id: str) -> Message | None:
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> Message | None:
            moved = await move(connection, self._mailbox.id, message_id, now)
            if moved is not None:
                await self._remind_light(connection, now)
            return moved

        moved = await self._db.write(work)
        if moved is not None:
            self._tell()
        return moved

    async def _remind_light(self, connection: AsyncConnection, now: datetime) -> None:
        if self._mailbox.mwi:
            await outbox.remind_light(connection, self._mailbox.company_id, self._mailbox.id, now)

    def _tell(self) -> None:
        self._events.publish(MailboxChanged(self._mailbox.company_id, self._mailbox.id))


def cursor_of(message: Message) -> Cursor:
    """Return the cursor that goes on after this message."""
    return Cursor(message.received_at, message.id)
