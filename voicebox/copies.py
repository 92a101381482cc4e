"""A copy of a message by mail, because its owner asked for one by phone (phone-menus.md, More, key 4).

Each press writes one row of the outbox, and each row is one mail. It goes to the subscriber himself: to his `email`,
else to where his notifications go, else to where his messages go by e-mail only. Not to `copy_email`, which is somebody
else's as often as not (an archive, a team).
"""

from enum import Enum, auto

from voicebox.clock import Clock
from voicebox.events import Events, OutboxGrew
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.message import Message
from voicebox.storage import confirmations, mailboxes, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind


class CopyOutcome(Enum):
    """What became of the wish."""

    QUEUED = auto()
    """A mail with the recording is on its way."""
    QUEUED_LINK = auto()
    """A mail without the recording is on its way: the message is confidential."""
    NO_ADDRESS = auto()
    """There is no address to send it to."""


class Copies:
    """Mails messages to their owners on demand."""

    def __init__(self, db: Database, events: Events, clock: Clock) -> None:
        self._db = db
        self._events = events
        self._clock = clock

    async def mail(self, mailbox: Mailbox, message: Message) -> CopyOutcome:
        """Have a message mailed to a subscriber who may open it, as their own mailbox is set now.

        Raises:
            DatabaseUnavailable: nothing will be mailed.
        """
        key, now = f"{Kind.MAIL_REQUEST}:{message.id}:{new_id()}", self._clock.now()

        async def work(connection: AsyncConnection) -> bool:
            owner = await mailboxes.by_id(connection, mailbox.id)
            to = None if owner is None else own_address(owner, await confirmations.held(connection, owner.id))
            if to is None:
                return False
            draft = Draft(message.company_id, Kind.MAIL_REQUEST, key, message.mailbox_id, message.id, {"to": to})
            await outbox.add(connection, [draft], now)
            return True

        if not await self._db.write(work):
            return CopyOutcome.NO_ADDRESS
        self._events.publish(OutboxGrew(Kind.MAIL_REQUEST))
        return CopyOutcome.QUEUED_LINK if message.confidential else CopyOutcome.QUEUED


def own_address(mailbox: Mailbox, held: frozenset[str] = frozenset()) -> str | None:
    """Return the subscriber's own address, none of those that have not confirmed; None if none is known."""
    known = (mailbox.email, mailbox.notify_email, mailbox.redirect_email)
    return next((each for each in known if each is not None and each.casefold() not in held), None)
