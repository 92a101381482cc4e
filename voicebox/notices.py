"""Telling owners what was changed about their mailbox: outbox rows for mails (security.md, row 4).

Whoever has guessed a passcode can record a greeting or forward calls; the mail tells the owner, who can undo it. The
row is written in the transaction of the change.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from voicebox.announcement import Change
from voicebox.errors import Conflict
from voicebox.events import Events, OutboxGrew
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.storage import confirmations, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind

Work = Callable[[AsyncConnection], Awaitable[Mailbox | None]]
"""Changes a mailbox in a transaction; returns it as it is then, or None where somebody else was quicker."""


class _Overtaken(Exception):  # noqa: N818 - what happened; it undoes the transaction
    """Somebody else has changed what this change was made of."""


async def change_and_tell(
    db: Database, events: Events, work: Work, change: Change | None, now: datetime, *, detail: str = ""
) -> Mailbox | None:
    """Do some work and have the owner told, in one transaction; what was overtaken is undone, and None returned.

    Raises:
        DatabaseUnavailable: nothing was changed.
    """
    notice_id = new_id()

    async def whole(connection: AsyncConnection) -> tuple[Mailbox, bool]:
        after = await work(connection)
        if after is None:
            raise _Overtaken
        told = change is not None and await tell_owner(
            connection, after, change, now, notice_id=notice_id, detail=detail
        )
        return after, told

    try:
        after, told = await db.write(whole)
    except (_Overtaken, Conflict):
        return None
    if told:
        events.publish(OutboxGrew(Kind.MAIL_CHANGED))
    return after


async def tell_owner(
    connection: AsyncConnection, owner: Mailbox, change: Change, now: datetime, *, notice_id: str, detail: str = ""
) -> bool:
    """Have the owner of a mailbox told of a change; False where there is no address to tell.

    `notice_id` names the mail for ever: it is made before the transaction, which may run twice.
    """
    if owner.email is None or owner.email.casefold() in await confirmations.held(connection, owner.id):
        return False
    payload = {"to": owner.email, "change": change.value, "detail": detail}
    draft = Draft(owner.company_id, Kind.MAIL_CHANGED, f"{Kind.MAIL_CHANGED}:{notice_id}", owner.id, None, payload)
    await outbox.add(connection, [draft], now)
    return True
