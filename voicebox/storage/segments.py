"""What is played before a message's own audio: the comments of those who forwarded it, the latest first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.message import Message, MessageKind
from voicebox.storage.batches import in_batches
from voicebox.storage.tables import message_segment
from voicebox.storage.upsert import Upsert

_ADD: Final = Upsert(
    lambda insert: insert(message_segment).on_conflict_do_nothing(index_elements=["message_id", "position"])
)
_OF: Final = (
    select(message_segment.c.message_id, message_segment.c.audio_id)
    .where(message_segment.c.message_id.in_(bindparam("of_messages", expanding=True)))
    .order_by(message_segment.c.message_id, message_segment.c.position)
)


async def add(connection: AsyncConnection, made: Iterable[Message]) -> None:
    """Write the comments of messages whose rows are there."""
    rows = [
        {"message_id": each.id, "position": position, "company_id": each.company_id, "audio_id": audio_id}
        for each in made
        for position, audio_id in enumerate(each.comments)
    ]
    if rows:
        await connection.execute(_ADD.on(connection), rows)


async def with_comments(connection: AsyncConnection, found: Iterable[Message]) -> list[Message]:
    """Return messages with their comments; asks only where there may be some."""
    listed = list(found)
    forwards = [each.id for each in listed if each.kind is MessageKind.FORWARD]
    comments: defaultdict[str, list[str]] = defaultdict(list)
    for batch in in_batches(forwards):
        for message_id, audio_id in await connection.execute(_OF, {"of_messages": batch}):
            comments[message_id].append(audio_id)
    return [replace(each, comments=tuple(comments[each.id])) if each.id in comments else each for each in listed]
