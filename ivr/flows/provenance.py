"""What an envelope tells besides its own: which colleague sent a message on, who takes care of it, who handled it."""

from ivr.call import Sound
from ivr.flows.addressing import named
from ivr.flows.visit import Visit
from voicebox.message import Message, MessageKind


async def provenance(visit: Visit, message: Message) -> tuple[Sound, ...]:
    """Return the words; none for a message that a caller left and that nobody has claimed or handled.

    A message that was forwarded names its caller in the envelope, withheld or not, and who forwarded it here.
    """
    sounds: list[Sound] = []
    if message.kind is MessageKind.FORWARD:
        sounds += await _by(visit, "forwarded", message.sender_id)
    if message.claimed_by == visit.owner.id:
        sounds.append(visit.say("message-claimed"))
    else:
        sounds += await _by(visit, "claimed", message.claimed_by)
    if message.handled_by == visit.owner.id:
        sounds.append(visit.say("message-handled"))
    else:
        sounds += await _by(visit, "handled", message.handled_by)
    return tuple(sounds)


async def _by(visit: Visit, what: str, mailbox_id: int | None) -> tuple[Sound, ...]:
    who = None if mailbox_id is None else await visit.services.directory.by_id(mailbox_id)
    if who is None:
        return ()
    return await named(visit, who, visit.say(f"envelope-{what}-name"), visit.say(f"envelope-{what}-extension"))
