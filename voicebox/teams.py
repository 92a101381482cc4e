"""Team mailboxes: who may open which, from their own mailbox.

A team's mailbox is an ordinary one that several people share. Each of them opens it from their own, so that it is known
who claims and handles a message. Claiming is the inbox's business (`Inbox.claim`).
"""

from voicebox.mailbox import Mailbox
from voicebox.storage import teams
from voicebox.storage.database import Database


class Teams:
    """Answers from the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, member: Mailbox) -> list[Mailbox]:
        """Return the team mailboxes that a subscriber belongs to, by extension."""
        async with self._db.read() as connection:
            return await teams.of_member(connection, member.id)
