"""Sending to others: forwarding, replying, composing, to people, lists or everyone (voicemail.md, rows 18 to 20).

A sending is one transaction: its row, a copy for each recipient, the segments of its comment, the outbox rows that
each copy causes, and what became of it at each recipient. When `send` returns, all of that is on disk.

Copies refer to one piece of audio, which lives until the last of them goes. A comment is a piece of its own, played
before the original, which is never rewritten. Who sends hears of each recipient that got nothing: mailboxes that are
off or full are passed over, all others get their copy. A list and "everyone" never hold the sender; whoever wants a
copy for themselves names themselves.

Everything stays within the company: recipients are mailboxes, and a confidential message stays confidential.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from voicebox.clock import Clock
from voicebox.deposit import mails_of, placed
from voicebox.errors import VoiceboxError
from voicebox.events import AudioSpooled, Events, MailboxChanged, OutboxGrew
from voicebox.ids import new_id
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Message, MessageKind, Reason, State, Take
from voicebox.storage import audio, confirmations, holdings, lists, mailboxes, messages, outbox, sendings
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.lists import DistributionList
from voicebox.storage.outbox import Kind
from voicebox.storage.sendings import Delivery, Result, Sending, Standing

__all__ = [
    "Audience",
    "Delivery",
    "Dispatch",
    "Distribution",
    "DistributionList",
    "Refusal",
    "Result",
    "Sending",
    "SendingRefused",
    "Sent",
    "Standing",
]

COMMENT_MIN_S: Final = 0.5
"""Less than this is no comment; a message of its own takes `MESSAGE_MIN_S`, as a caller's."""
SHOWN_MAX: Final = 100
"""Sendings listed at once."""


class Refusal(StrEnum):
    """Why nothing at all was sent."""

    EMPTY = "empty"
    """There is nobody to send to: an empty list, or one that holds the sender only."""
    NOT_ALLOWED = "not-allowed"
    """To everyone, without the right to."""
    GONE = "gone"
    """The message to be forwarded is not there any more."""
    UNKNOWN_LIST = "unknown-list"
    NOTHING = "nothing"
    """There is no recording to send."""


class SendingRefused(VoiceboxError):  # noqa: N818 - named after the state, as its kin in voicebox.errors
    """Nothing was sent, and `why`."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(f"nothing was sent: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class Audience:
    """To whom. A mailbox that is named twice, or by several of these, gets one copy."""

    people: tuple[Mailbox, ...] = ()
    lists: tuple[int, ...] = ()
    """Keys of lists: the sender's own or shared ones."""
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is to be sent, by whom, to whom."""

    kind: MessageKind
    sender: Mailbox
    audience: Audience
    take: Take | None = None
    """The recording: the message itself, or the comment on a forwarded one. Durable in the spool."""
    source: Message | None = None
    """What is forwarded, from a mailbox the sender may open."""
    urgent: bool = False
    confidential: bool = False
    """A confidential original stays so, whatever this says."""
    call_id: str | None = None
    """The sender's call."""
    id: str = field(default_factory=new_id)
    """Sending the same dispatch again changes nothing and returns what became of it the first time."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a dispatch."""

    id: str
    results: tuple[Result, ...]
    """By extension."""

    @property
    def reached(self) -> int:
        """How many got their copy."""
        return sum(each.outcome is Delivery.SENT for each in self.results)

    @property
    def missed(self) -> tuple[Result, ...]:
        """Those that did not."""
        return tuple(each for each in self.results if each.outcome is not Delivery.SENT)


@dataclass(frozen=True, slots=True)
class _Written:
    """What a dispatch's transaction did."""

    results: tuple[Result, ...]
    visible: tuple[int, ...] = ()
    """Mailboxes that show a new message."""
    kinds: frozenset[Kind] = frozenset()
    spooled: bool = False


class Distribution:
    """Sends to others. Cheap to make: it holds nothing."""

    def __init__(self, db: Database, events: Events, clock: Clock) -> None:
        self._db = db
        self._events = events
        self._clock = clock

    async def list_for(self, sender: Mailbox, number: int) -> DistributionList | None:
        """Return what a subscriber means by a list's number: their own, else the company's shared one (row 19)."""
        async with self._db.read() as connection:
            return await lists.by_number(connection, sender, number)

    async def lists_for(self, sender: Mailbox) -> list[DistributionList]:
        """Return every list a subscriber can send to, by number."""
        async with self._db.read() as connection:
            return await lists.for_sender(connection, sender)

    async def everyone(self, sender: Mailbox) -> int:
        """Return how many mailboxes the company has besides the sender's."""
        async with self._db.read() as connection:
            return len((await mailboxes.all_of(connection, sender.company_id)).keys() - {sender.id})

    async def send(self, dispatch: Dispatch) -> Sent:
        """Send; when this returns, every copy is durable. Where nobody at all could get one, the take is not kept.

        Raises:
            SendingRefused: nothing was sent.
            DatabaseUnavailable: likewise; the take is as it was.
        """
        now = self._clock.now()
        written = await self._db.write(lambda connection: _write(connection, dispatch, now))
        if written.spooled and dispatch.take is not None:
            self._events.publish(AudioSpooled(dispatch.take.id))
        for mailbox_id in written.visible:
            self._events.publish(MailboxChanged(dispatch.sender.company_id, mailbox_id))
        for kind in sorted(written.kinds):
            self._events.publish(OutboxGrew(kind))
        return Sent(dispatch.id, written.results)

    async def sent(self, sender: Mailbox, *, limit: int = SHOWN_MAX) -> list[tuple[Sending, list[Result]]]:
        """Return what a subscriber sent, the latest first, with what became of it at each recipient."""
        async with self._db.read() as connection:
            found = await sendings.of_sender(connection, sender.id, limit=min(limit, SHOWN_MAX))
            return [(each, await sendings.results(connection, each.id)) for each in found]

    async def has_sent(self, sender: Mailbox) -> bool:
        """Tell whether anything that a subscriber sent has reached anybody."""
        async with self._db.read() as connection:
            return await sendings.any_reached(connection, sender.id)

    async def standing(self, sender: Mailbox, sending_id: str) -> Standing | None:
        """Return how the copies of a sending stand; None where the sender sent no such thing."""
        async with self._db.read() as connection:
            found = await sendings.get(connection, sending_id)
            if found is None or found.mailbox_id != sender.id:
                return None
            return await sendings.standing(connection, sending_id)

    async def recall(self, sender: Mailbox, sending_id: str) -> int | None:
        """Take back the copies that nobody has heard yet; return how many. None where the sender sent no such thing.

        What goes out by e-mail only cannot be taken back: the mail may be on its way.
        """
        now = self._clock.now()

        async def work(connection: AsyncConnection) -> list[sendings.Recalled] | None:
            found = await sendings.get(connection, sending_id)
            if found is None or found.mailbox_id != sender.id:
                return None
            recalled = await sendings.recall(connection, sending_id)
            owners = await mailboxes.by_ids(connection, [each.mailbox_id for each in recalled])
            await outbox.remind_lights(connection, [each for each in owners.values() if each.mwi], now)
            return recalled

        recalled = await self._db.write(work)
        for each in recalled or ():
            self._events.publish(MailboxChanged(sender.company_id, each.mailbox_id))
        return None if recalled is None else len(recalled)


async def _write(connection: AsyncConnection, dispatch: Dispatch, now: datetime) -> _Written:
    """Write a whole sending, or (if it is there already) nothing."""
    done = await sendings.results(connection, dispatch.id)
    if done:
        return _Written(tuple(done))
    copy = await _original(connection, dispatch, now)
    chosen = await _chosen(connection, dispatch)
    if not chosen:
        raise SendingRefused(Refusal.EMPTY)
    sending = Sending(dispatch.id, dispatch.sender.company_id, dispatch.sender.id, dispatch.kind, now)
    if not await sendings.add(connection, sending):  # its first try was committed meanwhile
        return _Written(tuple(await sendings.results(connection, dispatch.id)))
    results, copies = await _sort_out(connection, chosen, copy)
    spooled = bool(copies) and await _keep(connection, dispatch, now)
    held = await confirmations.held_of(connection, [owner.id for owner, _ in copies])
    there = [(owner, *placed(owner, each, held.get(owner.id, frozenset()))) for owner, each in copies]
    await messages.add_copies(connection, [(each, pending) for _, each, pending in there], now)
    drafts = [draft for owner, each, _ in there for draft in mails_of(owner, each, held.get(owner.id, frozenset()))]
    await outbox.add(connection, drafts, now)
    lit = [owner for owner, _, pending in there if owner.mwi and not pending]
    await outbox.remind_lights(connection, lit, now)
    await sendings.add_results(connection, sending, results)
    return _Written(
        results=tuple(sorted(results, key=lambda each: each.recipient)),
        visible=tuple(owner.id for owner, _, pending in there if not pending),
        kinds=frozenset(Kind(draft.kind) for draft in drafts),
        spooled=spooled,
    )


async def _keep(connection: AsyncConnection, dispatch: Dispatch, now: datetime) -> bool:
    """Give the take a row of audio, by which it outlives a crash; True where there is a take."""
    take = dispatch.take
    if take is None:
        return False
    return await audio.add(
        connection,
        audio_id=take.id,
        company_id=dispatch.sender.company_id,
        samples=take.samples,
        rate_hz=take.rate_hz,
        now=now,
    )


async def _original(connection: AsyncConnection, dispatch: Dispatch, now: datetime) -> Message:
    """Return what every copy is like; id and mailbox are each copy's own.

    A forwarded message keeps its caller, withheld or not; a message of the sender's own has the sender as caller.
    """
    take, sender = dispatch.take, dispatch.sender
    if dispatch.source is None:
        if take is None:
            raise SendingRefused(Refusal.NOTHING)
        return Message(
            id="",
            company_id=sender.company_id,
            mailbox_id=0,
            audio_id=take.id,
            caller=Caller(sender.number, sender.name),
            reason=Reason.PORTAL,
            received_at=now,
            samples=take.samples,
            rate_hz=take.rate_hz,
            urgent=dispatch.urgent,
            confidential=dispatch.confidential,
            call_id=dispatch.call_id,
            kind=dispatch.kind,
            sender_id=sender.id,
            sending_id=dispatch.id,
        )
    source = await messages.get(connection, dispatch.source.id)
    if source is None or source.mailbox_id != dispatch.source.mailbox_id or source.company_id != sender.company_id:
        raise SendingRefused(Refusal.GONE)
    comment = () if take is None else (take.id,)
    comment_samples = 0 if take is None else round(take.duration_s * source.rate_hz)
    return replace(
        source,
        received_at=now,
        samples=source.samples + comment_samples,
        urgent=dispatch.urgent,
        confidential=source.confidential or dispatch.confidential,
        call_id=dispatch.call_id,
        kind=dispatch.kind,
        sender_id=sender.id,
        sending_id=dispatch.id,
        comments=(*comment, *source.comments),
        state=State.NEW,
        claimed_by=None,
        handled_by=None,
        warning=None,
    )


async def _chosen(connection: AsyncConnection, dispatch: Dispatch) -> dict[int, tuple[str, Mailbox | None]]:
    """Return the recipients by key, each with its extension and (unless it has gone) its mailbox."""
    sender, audience = dispatch.sender, dispatch.audience
    if audience.everyone and not sender.everyone:
        raise SendingRefused(Refusal.NOT_ALLOWED)
    members: set[int] = set()
    for list_id in audience.lists:
        found = await lists.by_id(connection, list_id)
        if (
            found is None
            or found.company_id != sender.company_id
            or not (found.shared or found.mailbox_id == sender.id)
        ):
            raise SendingRefused(Refusal.UNKNOWN_LIST)
        if not found.members - {sender.id}:
            raise SendingRefused(Refusal.EMPTY)
        members |= found.members
    if audience.everyone:
        known: Mapping[int, Mailbox] = await mailboxes.all_of(connection, sender.company_id)
        members |= known.keys()
    else:
        known = await mailboxes.by_ids(connection, sorted(members | {each.id for each in audience.people}))
    members.discard(sender.id)
    chosen: dict[int, tuple[str, Mailbox | None]] = {}
    for each in audience.people:
        there = known.get(each.id)
        mine = there is not None and there.company_id == sender.company_id
        chosen[each.id] = (each.number, there if mine else None)
    for mailbox_id in members:
        if mailbox_id in known:
            chosen.setdefault(mailbox_id, (known[mailbox_id].number, known[mailbox_id]))
    return chosen


async def _sort_out(
    connection: AsyncConnection, chosen: Mapping[int, tuple[str, Mailbox | None]], copy: Message
) -> tuple[list[Result], list[tuple[Mailbox, Message]]]:
    """Return what becomes of the sending at each recipient, and the copies."""
    by_mail = [owner.id for _, owner in chosen.values() if owner is not None and owner.redirect_email is not None]
    used = await holdings.used_by(connection, list(chosen))
    used |= await holdings.used_by(connection, by_mail, by_mail=True)
    results: list[Result] = []
    copies: list[tuple[Mailbox, Message]] = []
    for mailbox_id, (number, owner) in chosen.items():
        if owner is None:
            results.append(Result(number, None, Delivery.UNKNOWN))
        elif not owner.enabled:
            results.append(Result(number, mailbox_id, Delivery.OFF))
        elif used.get(mailbox_id, 0.0) + copy.duration_s > owner.quota_s:
            results.append(Result(number, mailbox_id, Delivery.FULL))
        else:
            made = replace(copy, id=new_id(), mailbox_id=mailbox_id)
            copies.append((owner, made))
            results.append(Result(number, mailbox_id, Delivery.SENT, made.id))
    return results, copies
