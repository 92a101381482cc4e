"""The use cases as flows see them, without a database: what happened is kept in plain lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ivr.call import Facts, TransferEnd
from ivr.flows.services import Services
from ivr.script import Step
from ivr.scripted import ScriptedCall, ScriptMismatchError
from prompts.catalogue import known
from prompts.phrases import Phrase
from tests.fakes.greetings import FakeGreetings, FakeReachability
from voicebox.access import LoginResult, Outcome, Source
from voicebox.copies import CopyOutcome, own_address
from voicebox.deposit import DepositContext, Room
from voicebox.distribution import Delivery, Dispatch, DistributionList, Result, Sending, SendingRefused, Sent, Standing
from voicebox.distribution import Refusal as SendingRefusal
from voicebox.errors import DatabaseUnavailable
from voicebox.i18n import Language
from voicebox.inbox import Cursor
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Counts, Message, Reason, State, Take
from voicebox.numbers import Number
from voicebox.outbound import Dial, Refusal, Refused
from voicebox.passcode import PinProblem

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BEISPIEL = Company(1, "Beispiel GmbH", Language.DE, "Europe/Berlin", "49", "211")
ANNA = Mailbox(
    id=1,
    company_id=1,
    number="1001",
    phone="+492115551001",
    name="Anna Beispiel",
    language=Language.DE,
    time_zone="Europe/Berlin",
)
PAGE = 3
"""Messages in one answer of the fake inbox: small, so that every test turns pages."""


class StoppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


@dataclass
class FakeDeposits:
    """Accepts what comes, unless told to fail."""

    left_s: float = 6000.0
    broken: bool = False
    accepted: list[Message] = field(default_factory=list)
    contexts: list[DepositContext] = field(default_factory=list)

    async def room(self, mailbox: Mailbox) -> Room:
        return Room(self.left_s, full=self.left_s < 2.0)

    async def accept(
        self, context: DepositContext, take: Take, *, urgent: bool = False, confidential: bool = False
    ) -> Message | None:
        if self.broken:
            raise OSError("no space left on device")
        message = Message(
            id=take.id,
            company_id=context.company_id,
            mailbox_id=context.mailbox_id,
            audio_id=take.id,
            caller=context.caller,
            reason=context.reason,
            received_at=context.received_at,
            samples=take.samples,
            rate_hz=take.rate_hz,
            urgent=urgent,
            confidential=confidential,
            call_id=context.call_id,
        )
        self.contexts.append(context)
        self.accepted.append(message)
        self.left_s -= take.duration_s
        return message


class FakeInbox:
    """One mailbox's messages in a dictionary; changes are compare-and-set, as in the real one."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.all = {message.id: message for message in messages}
        self._before: dict[str, State] = {}

    def state(self, message_id: str) -> State:
        return self.all[message_id].state

    def purge(self, message_id: str) -> None:
        del self.all[message_id]

    async def counts(self) -> Counts:
        def count(state: State, *, urgent: bool | None = None) -> int:
            return sum(message.state is state and urgent in {None, message.urgent} for message in self.all.values())

        return Counts(
            count(State.NEW),
            count(State.SAVED),
            count(State.NEW, urgent=True),
            count(State.SAVED, urgent=True),
            count(State.DELETED),
        )

    async def messages(self, state: State, *, after: Cursor | None = None) -> list[Message]:
        folder = sorted(
            (message for message in self.all.values() if message.state is state),
            key=lambda message: (message.received_at, message.id),
        )
        later = [m for m in folder if after is None or (m.received_at, m.id) > (after.received_at, after.id)]
        return later[:PAGE]

    async def get(self, message_id: str) -> Message | None:
        return self.all.get(message_id)

    async def claim(self, message_id: str, by: Mailbox) -> Message | None:
        message = self._open(message_id)
        if message is None or message.claimed_by is not None or message.handled_by is not None:
            return None
        self.all[message_id] = replace(message, claimed_by=by.id)
        return self.all[message_id]

    async def handled(self, message_id: str, by: Mailbox) -> Message | None:
        message = self._open(message_id)
        if message is None or message.handled_by is not None:
            return None
        self.all[message_id] = replace(message, handled_by=by.id)
        return self.all[message_id]

    def _open(self, message_id: str) -> Message | None:
        message = self.all.get(message_id)
        return None if message is None or message.state is State.DELETED else message

    async def heard(self, message_id: str) -> Message | None:
        return self._move(message_id, {State.NEW}, State.SAVED)

    async def save(self, message_id: str) -> Message | None:
        return self._move(message_id, {State.NEW}, State.SAVED)

    async def keep_new(self, message_id: str) -> Message | None:
        return self._move(message_id, {State.SAVED}, State.NEW)

    async def delete(self, message_id: str) -> Message | None:
        return self._move(message_id, {State.NEW, State.SAVED}, State.DELETED)

    async def restore(self, message_id: str) -> Message | None:
        return self._move(message_id, {State.DELETED}, self._before.get(message_id, State.SAVED))

    async def delete_all(self, *, there_until: datetime | None = None) -> int:
        moved = [
            await self.delete(message.id)
            for message in list(self.all.values())
            if there_until is None or message.received_at <= there_until
        ]
        return sum(message is not None for message in moved)

    def _move(self, message_id: str, sources: set[State], to: State) -> Message | None:
        message = self.all.get(message_id)
        if message is None or message.state not in sources:
            return None
        self._before[message_id] = message.state
        self.all[message_id] = replace(message, state=to)
        return self.all[message_id]


class FakeDirectory:
    """Companies and mailboxes, with their aliases."""

    def __init__(self, mailboxes: Iterable[Mailbox] = (ANNA,), aliases: Mapping[str, str] | None = None) -> None:
        self.company = BEISPIEL
        self.listed = list(mailboxes)
        self._aliases = dict(aliases or {})
        """Alias to extension."""

    async def companies(self) -> list[Company]:
        return [self.company]

    async def mailbox(self, company_id: int, number: str) -> Mailbox | None:
        return next((m for m in self.listed if (m.company_id, m.number) == (company_id, number)), None)

    async def by_id(self, mailbox_id: int) -> Mailbox | None:
        return next((m for m in self.listed if m.id == mailbox_id), None)

    async def find(self, company_id: int, number: Number) -> Mailbox | None:
        for reading in (number.digits, number.e164):
            for mailbox in self.listed:
                if reading and mailbox.company_id == company_id and reading in {mailbox.number, mailbox.phone}:
                    return mailbox
            if reading in self._aliases:
                return await self.mailbox(company_id, self._aliases[reading])
        return None


@dataclass
class FakeAccess:
    """Passcodes in the clear, by extension; no hashing, no counting."""

    pins: dict[str, str] = field(default_factory=lambda: {"1001": "274913"})
    locked: set[str] = field(default_factory=set)
    answer_after_s: float = 0.4
    attempts: list[tuple[str | None, str, str]] = field(default_factory=list)
    """Extension, what was typed as a number, and the source of each attempt."""
    refusals: list[list[PinProblem]] = field(default_factory=list)
    """What the next changes are refused for."""
    gone: bool = False
    """The database is away."""
    one_time: set[str] = field(default_factory=set)
    """Extensions whose passcode must be replaced at the next login."""

    async def login(
        self, *, company_id: int, mailbox: Mailbox | None, pin: str, source: Source, typed: str = ""
    ) -> LoginResult:
        if self.gone:
            raise DatabaseUnavailable("down")
        number = mailbox.number if mailbox else None
        self.attempts.append((number, typed, source.key))
        if number in self.locked:
            outcome = Outcome.LOCKED
        else:
            outcome = Outcome.OK if number and self.pins.get(number) == pin else Outcome.WRONG
        must_change = outcome is Outcome.OK and number in self.one_time
        return LoginResult(outcome, self.answer_after_s, must_change=must_change)

    async def is_one_time(self, mailbox: Mailbox) -> bool:
        return mailbox.number in self.one_time

    async def check_pin(self, mailbox: Mailbox, pin: str) -> list[PinProblem]:
        return self.refusals.pop(0) if self.refusals else []

    async def set_pin(self, mailbox: Mailbox, pin: str) -> list[PinProblem]:
        if self.refusals:
            return self.refusals.pop(0)
        self.pins[mailbox.number] = pin
        self.one_time.discard(mailbox.number)
        return []


@dataclass
class FakeCopies:
    """Notes what is to be mailed, where there is an address."""

    mailed: list[str] = field(default_factory=list)

    async def mail(self, mailbox: Mailbox, message: Message) -> CopyOutcome:
        if own_address(mailbox) is None:
            return CopyOutcome.NO_ADDRESS
        self.mailed.append(message.id)
        return CopyOutcome.QUEUED_LINK if message.confidential else CopyOutcome.QUEUED


@dataclass
class FakeDistribution:
    """Remembers what is sent; each recipient gets it, unless told otherwise."""

    lists: dict[int, DistributionList] = field(default_factory=dict)
    outcomes: dict[int, Delivery] = field(default_factory=dict)
    """What becomes of a sending at a mailbox, by its key; `SENT` where nothing is said."""
    others: int = 0
    """Mailboxes of the company besides the sender's."""
    refusal: SendingRefusal | None = None
    gone: bool = False
    """The database is away."""
    dispatched: list[Dispatch] = field(default_factory=list)
    past: list[tuple[Sending, list[Result]]] = field(default_factory=list)
    """What was sent before this call, the latest first."""
    standings: dict[str, Standing] = field(default_factory=dict)

    async def sent(self, sender: Mailbox, *, limit: int = 100) -> list[tuple[Sending, list[Result]]]:
        return [each for each in self.past if each[0].mailbox_id == sender.id][:limit]

    async def has_sent(self, sender: Mailbox) -> bool:
        reached = {Delivery.SENT, Delivery.RECALLED}
        return any(each.outcome in reached for _, results in self.past for each in results)

    async def standing(self, sender: Mailbox, sending_id: str) -> Standing | None:
        return self.standings.get(sending_id)

    async def recall(self, sender: Mailbox, sending_id: str) -> int | None:
        before = self.standings.get(sending_id)
        if before is None:
            return None
        taken = before.unheard
        self.standings[sending_id] = replace(
            before, copies=before.copies - taken, unheard=0, recalled=before.recalled + taken
        )
        return taken

    async def list_for(self, sender: Mailbox, number: int) -> DistributionList | None:
        return self.lists.get(number)

    async def everyone(self, sender: Mailbox) -> int:
        return self.others

    async def send(self, dispatch: Dispatch) -> Sent:
        if self.gone:
            raise DatabaseUnavailable("down")
        if self.refusal is not None:
            raise SendingRefused(self.refusal)
        audience = dispatch.audience
        keys = [each.id for each in audience.people]
        keys += [key for made in self.lists.values() if made.id in audience.lists for key in sorted(made.members)]
        keys += range(100, 100 + self.others) if audience.everyone else ()
        self.dispatched.append(dispatch)
        results = [Result(f"{1000 + key}", key, self.outcomes.get(key, Delivery.SENT)) for key in keys]
        return Sent(dispatch.id, tuple(results))


@dataclass
class FakeTeams:
    """The team mailboxes of the one subscriber there is."""

    teams: list[Mailbox] = field(default_factory=list)

    async def of(self, member: Mailbox) -> list[Mailbox]:
        return self.teams


class CallClips:
    """The audio that a scripted call can play."""

    def __init__(self, call: ScriptedCall, *away: str) -> None:
        self._call = call
        self._away = away

    async def length_s(self, audio_id: str) -> float | None:
        return None if audio_id in self._away else self._call.clips.get(audio_id)

    async def away(self, audio_id: str) -> bool:
        return audio_id in self._away


@dataclass
class FakeSpace:
    """A disk with or without room."""

    room: bool = True
    held: int = 0

    async def reserve(self, length_s: float) -> "FakeSpace | None":
        if not self.room:
            return None
        self.held += 1
        return self

    def release(self) -> None:
        self.held -= 1


@dataclass
class FakePermit:
    """A call out, and what was told of it, in order."""

    dial: Dial
    told: list[str] = field(default_factory=list)

    def answered(self) -> None:
        self.told.append("answered")

    def lease_s(self) -> float | None:
        return None

    async def end(self) -> None:
        self.told.append("end")


@dataclass
class FakeOutCalls:
    """Allows every number that is not in `refused`."""

    refused: dict[str, Refusal] = field(default_factory=dict)
    gone: bool = False
    """The database is away."""
    permits: list[FakePermit] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The paying mailbox, and the number."""

    async def admit(self, payer: Mailbox, number: str) -> FakePermit | Refused:
        self.asked.append((payer.number, number))
        if self.gone:
            raise DatabaseUnavailable("down")
        if number in self.refused:
            return Refused(self.refused[number])
        self.permits.append(FakePermit(Dial(number)))
        return self.permits[-1]

    async def would_admit(self, payer: Mailbox, number: str) -> bool:
        return not self.gone and number not in self.refused


class World:
    """A scripted call and everything a flow meets on it."""

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        mailboxes: Iterable[Mailbox] = (ANNA,),
        aliases: Mapping[str, str] | None = None,
        messages: Iterable[Message] = (),
        clips: Mapping[str, float] | None = None,
        facts: Facts | None = None,
        hang_up_at: int | None = None,
        transfers: TransferEnd | None = None,
    ) -> None:
        kept = list(messages)
        audio = {message.audio_id: message.duration_s for message in kept}
        self.call = ScriptedCall(
            steps,
            facts_=facts,
            clips=audio | dict(clips or {}),
            check=self._check,
            hang_up_at=hang_up_at,
            transfers=transfers,
        )
        self.languages: set[Language] = set()
        self.deposits = FakeDeposits()
        self.directory = FakeDirectory(mailboxes, aliases)
        self.access = FakeAccess()
        self.inbox = FakeInbox(kept)
        self.copies = FakeCopies()
        self.space = FakeSpace()
        self.greetings = FakeGreetings(self.directory.listed, self.call.clips)
        self.reachability = FakeReachability(self.greetings)
        self.outcalls = FakeOutCalls()
        self.clock = StoppedClock()
        self.distribution = FakeDistribution()
        self.teams = FakeTeams()
        self.services = Services(
            directory=self.directory,
            deposits=self.deposits,
            access=self.access,
            inbox=lambda _: self.inbox,
            copies=self.copies,
            clips=CallClips(self.call),
            space=self.space,
            outcalls=self.outcalls,
            clock=self.clock,
            greetings=self.greetings,
            reachability=self.reachability,
            distribution=self.distribution,
            teams=self.teams,
        )

    @property
    def heard(self) -> list[str]:
        """What was heard, utterance by utterance."""
        return self.call.heard

    def _check(self, phrase: Phrase) -> None:
        """Insist that whatever is said exists in its language."""
        self.languages.add(phrase.language)
        missing = [utterance_id for utterance_id in phrase.ids if not known(phrase.language, utterance_id)]
        if missing:
            raise ScriptMismatchError(f"{phrase.language} has no {missing}")


def message(
    name: str,
    *,
    minutes_ago: float = 60.0,
    state: State = State.NEW,
    urgent: bool = False,
    confidential: bool = False,
    interrupted: bool = False,
    caller: Caller | None = None,
    length_s: float = 10.0,
) -> Message:
    """Return a message whose id and audio are called `name`."""
    return Message(
        id=name,
        company_id=1,
        mailbox_id=1,
        audio_id=name,
        caller=caller or Caller("+492115550000"),
        reason=Reason.NO_ANSWER,
        received_at=NOW - timedelta(minutes=minutes_ago),
        samples=round(length_s * 8000),
        rate_hz=8000,
        urgent=urgent,
        confidential=confidential,
        interrupted=interrupted,
        state=state,
    )
