"""The two flows over the real use cases and a real database: what one caller leaves, the subscriber hears."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.call import Facts
from ivr.flows.caller import leave_message
from ivr.flows.portal import portal
from ivr.flows.services import Services
from ivr.script import Step, hang_up, listen_to, meanwhile, press, silence, speak
from ivr.scripted import ScriptedCall, facts
from prompts.phrases import Phrase
from tests.fakes.mastering import mastered_here, spoken
from tests.fakes.rows import Marks, StandingClock, a_context, a_take, add_company, add_mailbox
from tests.fakes.voicemail import CallClips, FakeSpace
from voicebox.access import Access
from voicebox.copies import Copies
from voicebox.deposit import Deposits
from voicebox.directory import Directory
from voicebox.distribution import Distribution
from voicebox.events import Events
from voicebox.greetings import Greetings
from voicebox.i18n import Language
from voicebox.inbox import Inbox
from voicebox.mailbox import Mailbox
from voicebox.message import MessageKind, Reason, State
from voicebox.outcalls import OutCalls
from voicebox.pinhash import Cost, PinHasher
from voicebox.reachability import Reachability
from voicebox.settings.outbound import Outbound
from voicebox.storage import teams
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.teams import Teams

PIN, OTHER_PIN = "274913", "860275"


@dataclass
class House:
    """An installation with one mailbox, Anna's."""

    db: Database
    anna: Mailbox
    spool: Marks
    clock: StandingClock
    events: Events
    access: Access
    clips: dict[str, float]
    folder: Path
    """Where the audio store lies."""

    async def call(self, flow: str, steps: list[Step], who: Facts) -> ScriptedCall:
        call = ScriptedCall(steps, facts_=who, clips=self.clips, first_take=len(self.clips) + 1)
        directory = Directory(self.db)
        outcalls = OutCalls(self.db, directory, self.clock, Outbound())
        services = Services(
            copies=Copies(self.db, self.events, self.clock),
            directory=directory,
            deposits=Deposits(self.db, self.events, self.spool, self.clock),
            access=self.access,
            inbox=self.inbox_of,
            clips=CallClips(call),
            space=FakeSpace(),
            outcalls=outcalls,
            clock=self.clock,
            greetings=self.greetings,
            reachability=Reachability(self.db, outcalls, events=self.events, clock=self.clock),
            distribution=Distribution(self.db, self.events, self.clock),
            teams=Teams(self.db),
        )
        if flow == "leave":
            await call.run(leave_message(call, services, self.anna, Reason.BUSY))
        else:
            await call.run(portal(call, services))
        said = {sound.language for sound in call.played if isinstance(sound, Phrase)}
        assert said == {self.anna.language}
        self.clips |= call.clips
        return call

    async def colleague(self, number: str, name: str, *, team: bool = False) -> Mailbox:
        (company,) = await Directory(self.db).companies()
        return await add_mailbox(self.db, company, number, name=name, team=team, language=self.anna.language.value)

    @property
    def greetings(self) -> Greetings:
        store = AudioStore.open(self.folder.as_uri())
        return Greetings(self.db, store, spoken, mastered_here, events=self.events, clock=self.clock)

    def inbox_of(self, mailbox: Mailbox) -> Inbox:
        return Inbox(self.db, self.events, self.clock, mailbox)


@pytest.fixture(params=Language)
async def house(sqlite_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """An installation of each language in turn."""
    language: Language = request.param
    clock, events = StandingClock(), Events()
    hasher = PinHasher(b"k" * 32, Cost(memory_kib=64, passes=1))
    async with await Database.open(sqlite_url) as db:
        company = await add_company(db, language=language.value)
        anna = await add_mailbox(db, company, phone="+492115551001", name="Anna Beispiel", language=language.value)
        access = Access(db, hasher, clock)
        assert await access.set_pin(anna, PIN) == []
        yield House(db, anna, Marks(), clock, events, access, {}, tmp_path)
    hasher.close()


async def test_what_a_caller_leaves_the_subscriber_hears(house: House) -> None:
    left = await house.call("leave", [speak(5), press("#"), press("4"), press("1")], facts("+493012345678"))
    (note,) = left.notes("message")
    house.clock.advance(60)
    take = note["id"]
    steps: list[Step] = [
        *(press("1001#"), press(f"{PIN}#"), press("1"), press("1"), listen_to(take)),
        *(press("5"), listen_to("envelope-urgent"), press("7"), press("7"), press("#"), hang_up()),
    ]
    heard = (await house.call("fetch", steps, facts("+49301111111"))).heard
    assert "heading-first-new-urgent" in heard
    inbox = house.inbox_of(house.anna)
    (message,) = await inbox.messages(State.SAVED)
    assert (message.id, message.duration_s, message.reason) == (take, 5.0, Reason.BUSY)
    assert message.caller.number == "+493012345678"
    assert ("accept", take) in house.spool.told


async def test_row_7_a_recording_ends_normally_though_the_mailbox_is_switched_off_during_it(house: House) -> None:
    outcalls = OutCalls(house.db, Directory(house.db), house.clock, Outbound())
    reachability = Reachability(house.db, outcalls, events=house.events, clock=house.clock)

    async def switch_off() -> None:
        assert await reachability.set_enabled(house.anna, on=False) is not None

    left = await house.call("leave", [speak(3), meanwhile(switch_off), speak(2), press("#"), press("1")], facts())
    assert left.heard[-1] == "review-sent-goodbye"
    assert not (await house.greetings.present(house.anna)).enabled
    (message,) = await house.inbox_of(house.anna).messages(State.NEW)
    assert message.duration_s == 5.0


async def test_what_is_forwarded_with_a_comment_is_heard_comment_first_and_answered(house: House) -> None:
    bert = await house.colleague("1002", "Bert")
    assert await house.access.set_pin(bert, OTHER_PIN) == []
    left = await house.call("leave", [speak(5), hang_up()], facts("+493012345678"))
    original = left.notes("message")[0]["id"]
    enter: list[Step] = [press("1001#"), press(f"{PIN}#"), press("1"), press("1"), listen_to(original)]
    send: list[Step] = [
        press("9"),
        press("2"),
        press("1"),
        speak(3),
        press("#"),
        press("3"),
        press("1002#"),
        press("#"),
    ]
    forwarding = await house.call("fetch", [*enter, *send, listen_to("review-sent"), hang_up()], facts())
    comment = forwarding.recordings[0].result.take
    assert comment is not None
    assert forwarding.discarded == []

    reply: list[Step] = [press("9"), press("1"), press("1"), speak(4), press("#"), press("3"), listen_to("review-sent")]
    enter = [press("1002#"), press(f"{OTHER_PIN}#"), press("1"), press("1"), listen_to(comment.id), listen_to(original)]
    heard = (await house.call("fetch", [*enter, *reply, hang_up()], facts())).heard
    assert heard.index(comment.id) < heard.index(original)
    (got,) = await house.inbox_of(bert).messages(State.SAVED)
    assert (got.duration_s, got.caller.number, got.sender_id) == (8.0, "+493012345678", house.anna.id)
    (answer,) = await house.inbox_of(house.anna).messages(State.NEW)
    assert (answer.caller.number, answer.kind, answer.duration_s) == ("1002", MessageKind.REPLY, 4.0)


async def test_two_members_claim_one_message_and_one_of_them_gets_it(house: House) -> None:
    team = await house.colleague("2000", "Verkauf", team=True)
    bert = await house.colleague("1002", "Bert")
    await house.access.set_pin(bert, OTHER_PIN)
    members = {house.anna.id, bert.id}
    await house.db.write(lambda connection: teams.change(connection, team, before=frozenset(), after=members))
    left = await Deposits(house.db, house.events, house.spool, house.clock).accept(a_context(team), a_take())
    assert left is not None
    house.clips[left.id] = 5.0
    claim: list[Step] = [press("5"), listen_to(left.id), press("9"), press("6")]
    await house.call(
        "fetch", [press("1001#"), press(f"{PIN}#"), *claim, listen_to("message-claimed"), hang_up()], facts()
    )
    steps: list[Step] = [
        *(press("1002#"), press(f"{OTHER_PIN}#"), *claim, listen_to("message-already-claimed")),
        *(press("5"), listen_to("digits-01"), press("9"), press("5"), listen_to("message-handled"), hang_up()),
    ]
    assert "envelope-claimed-extension" in (await house.call("fetch", steps, facts())).heard
    present = await house.inbox_of(team).get(left.id)
    assert present is not None
    assert (present.claimed_by, present.handled_by) == (house.anna.id, bert.id)


async def test_hanging_up_after_its_end_leaves_a_message_saved(house: House) -> None:
    left = await house.call("leave", [speak(5), hang_up()], facts())
    take = left.notes("message")[0]["id"]
    await house.call(
        "fetch", [press("1001#"), press(f"{PIN}#"), press("1"), press("1"), listen_to(take), hang_up()], facts()
    )
    counts = await house.inbox_of(house.anna).counts()
    assert (counts.new, counts.saved) == (0, 1)


async def test_five_wrong_passcodes_over_two_calls_lock_the_mailbox(house: House) -> None:
    wrong: list[Step] = [press("1001#"), press("111111#")]
    await house.call("fetch", wrong * 3, facts("+493011111111"))
    await house.call("fetch", [*wrong * 2, hang_up()], facts("+493022222222"))
    locked = await house.call("fetch", [press("1001#"), press(f"{PIN}#")], facts("+493033333333"))
    assert locked.heard[-1] == "login-locked"
    assert locked.notes("locked") == [{}]


async def test_a_mailbox_that_does_not_exist_locks_alike(house: House) -> None:
    wrong: list[Step] = [press("7777#"), press("111111#")]
    await house.call("fetch", wrong * 3, facts("+493011111111"))
    await house.call("fetch", [*wrong * 2, hang_up()], facts("+493022222222"))
    locked = await house.call("fetch", [press("7777#"), press("111111#")], facts("+493033333333"))
    assert locked.heard[-1] == "login-locked"


async def test_a_new_passcode_opens_the_mailbox_and_the_old_one_does_not(house: House) -> None:
    change: list[Step] = [
        *(press("1001#"), press(f"{PIN}#"), press("8"), press("123456#"), listen_to("passcode-refused-run")),
        *(press("608315#"), press("608315#"), press("9")),
    ]
    changed = await house.call("fetch", change, facts())
    assert changed.notes("passcode") == [{"changed": True}]
    steps: list[Step] = [press("1001#"), press(f"{PIN}#"), press("1001#"), press("608315#"), press("9")]
    call = await house.call("fetch", steps, facts())
    assert [note["ok"] for note in call.notes("login")] == [False, True]


async def test_all_messages_are_deleted_and_can_come_back(house: House) -> None:
    for _ in range(2):
        await house.call("leave", [speak(5), hang_up()], facts())
    enter: list[Step] = [press("1001#"), press(f"{PIN}#"), press("1")]
    await house.call("fetch", [*enter, press("7"), press("1"), listen_to("mailbox-all-deleted"), hang_up()], facts())
    assert (await house.inbox_of(house.anna).counts()).deleted == 2
    await house.call("fetch", [*enter, press("9"), press("7"), listen_to("message-restored"), hang_up()], facts())
    counts = await house.inbox_of(house.anna).counts()
    assert (counts.new, counts.deleted) == (1, 1)


# --- the first login (voicemail.md, row 2)

ONE_TIME = "860275"


async def first(house: House, *steps: Step) -> ScriptedCall:
    return await house.call("fetch", [press("1001#"), press(f"{ONE_TIME}#"), *steps], facts())


async def test_row_2_the_first_login_forces_a_new_passcode_and_a_name(house: House) -> None:
    await house.access.set_pin(house.anna, ONE_TIME, one_time=True)
    call = await first(
        house,
        *(listen_to("login-must-change"), press("608315#"), press("608315#")),
        *(listen_to("login-must-record-name"), speak(2), press("#"), listen_to("passcode-changed"), press("9")),
    )
    assert "name-recorded" in call.heard
    assert (await house.greetings.present(house.anna)).name_recording is not None
    again = await house.call("fetch", [press("1001#"), press("608315#"), press("9")], facts())
    assert "login-must-change" not in again.heard
    assert not await house.access.is_one_time(house.anna)


@pytest.mark.parametrize(
    "steps",
    [
        [hang_up()],
        [press("608315#"), hang_up()],
        [press("608315#"), press("608315#"), hang_up()],
        [press("608315#"), press("608315#"), speak(2), hang_up()],
        [press("*")],
        [press("608315#"), press("608316#")] * 3,
        [silence()] * 3,
        [press("608315#"), *[silence()] * 3],
        [press("608315#"), press("608315#"), *[silence()] * 3],
    ],
)
async def test_row_2_skipping_leaves_the_passcode_one_time(house: House, steps: list[Step]) -> None:
    await house.access.set_pin(house.anna, ONE_TIME, one_time=True)
    call = await first(house, *steps)
    assert "menu-main" not in call.heard
    assert (await house.greetings.present(house.anna)).name_recording is None
    assert await house.access.is_one_time(house.anna)
    assert "login-must-change" in (await first(house, listen_to("login-must-change"), hang_up())).heard
