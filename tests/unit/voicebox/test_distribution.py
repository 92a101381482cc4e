"""Sending to others: who gets a copy, who does not and why, what a copy holds, and taking it back (rows 18 to 20)."""

import asyncio
import random
import time
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import event, func, insert, select

from tests.fakes.rows import NOW, Marks, StandingClock, a_context, a_take, add_company, add_mailbox
from voicebox.deposit import Deposits
from voicebox.distribution import Audience, Dispatch, Distribution, Refusal, SendingRefused, Sent
from voicebox.errors import DatabaseUnavailable
from voicebox.events import AudioSpooled, Event, Events, MailboxChanged
from voicebox.inbox import Inbox
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Message, MessageKind, State, Take
from voicebox.storage import audio, lists, outbox, sendings
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.lists import DistributionList
from voicebox.storage.outbox import Kind
from voicebox.storage.sendings import Delivery, Standing
from voicebox.storage.tables import mailbox as mailbox_table
from voicebox.storage.tables import message as message_table
from voicebox.storage.tables import message_segment, sending, sending_result


class Office:
    """A company of five, and what they send each other."""

    def __init__(self, db: Database, company: Company, people: dict[str, Mailbox]) -> None:
        self.db, self.company, self.people = db, company, people
        self.events, self.heard = Events(), list[Event]()
        self.events.subscribe(self.heard.append)
        self.clock = StandingClock()
        self.deposits = Deposits(db, self.events, Marks(), self.clock)
        self.distribution = Distribution(db, self.events, self.clock)

    @property
    def anna(self) -> Mailbox:
        return self.people["1001"]

    def inbox(self, extension: str) -> Inbox:
        return Inbox(self.db, self.events, self.clock, self.people[extension])

    async def new(self, extension: str) -> list[Message]:
        return await self.inbox(extension).messages(State.NEW)

    async def change(self, extension: str, **values: object) -> None:
        self.people[extension] = replace(self.people[extension], **values)  # type: ignore[arg-type] # fields of Mailbox
        statement = mailbox_table.update().where(mailbox_table.c.id == self.people[extension].id).values(**values)
        await self.db.write(lambda connection: connection.execute(statement))

    async def leave(
        self, *, seconds: float = 10.0, confidential: bool = False, caller: Caller | None = None
    ) -> Message:
        context = a_context(self.anna)
        context = context if caller is None else replace(context, caller=caller)
        left = await self.deposits.accept(context, a_take(seconds), confidential=confidential)
        assert left is not None
        self.heard.clear()
        return left

    async def a_list(
        self, *members: str, owner: str = "1001", number: int = 1, shared: bool = False
    ) -> DistributionList:
        keys = [self.people[member].id for member in members]
        return await self.db.write(
            lambda connection: lists.add(
                connection, self.people[owner], number=number, description="Team", shared=shared, members=keys
            )
        )

    async def change_list(self, made: DistributionList, *members: str) -> DistributionList:
        keys = frozenset(self.people[member].id for member in members)
        await self.db.write(
            lambda connection: lists.change(connection, made, description="Team", shared=made.shared, members=keys)
        )
        return replace(made, members=keys)

    def people_of(self, *extensions: str) -> Audience:
        return Audience(people=tuple(self.people[each] for each in extensions))

    async def compose(self, audience: Audience, take: Take | None = None, **options: object) -> Sent:
        dispatch = Dispatch(MessageKind.COMPOSE, self.anna, audience, take or a_take())
        return await self.distribution.send(replace(dispatch, **options))  # type: ignore[arg-type] # its own fields

    async def count(self, table: object) -> int:
        async with self.db.read() as connection:
            return int(await connection.scalar(select(func.count()).select_from(table)) or 0)  # type: ignore[arg-type]


@pytest.fixture
async def office(db: Database) -> Office:
    company = await add_company(db)
    names = ("Anna", "Bert", "Cleo", "Dora", "Emil")
    people = {
        str(1001 + n): await add_mailbox(db, company, str(1001 + n), name=name, phone=f"+4921155{51001 + n}")
        for n, name in enumerate(names)
    }
    return Office(db, company, people)


def outcomes(sent: Sent) -> dict[str, str]:
    return {each.recipient: each.outcome.value for each in sent.results}


async def test_a_composed_message_comes_from_its_sender_and_is_durable(office: Office) -> None:
    take = a_take(12.5)
    sent = await office.compose(office.people_of("1002"), take, urgent=True, call_id="ab" * 16)
    assert outcomes(sent) == {"1002": "sent"}
    (got,) = await office.new("1002")
    assert got.caller == Caller("1001", "Anna")
    assert (got.kind, got.sender_id, got.sending_id) == (MessageKind.COMPOSE, office.anna.id, sent.id)
    assert (got.audio_id, got.duration_s, got.urgent, got.comments) == (take.id, 12.5, True, ())
    async with office.db.read() as connection:
        row = await audio.get(connection, take.id)
    assert row is not None
    assert row.state is audio.AudioState.SPOOL
    assert AudioSpooled(take.id) in office.heard
    assert MailboxChanged(office.company.id, office.people["1002"].id) in office.heard


async def test_row_18_and_19_a_number_means_the_own_list_else_the_shared_one(office: Office) -> None:
    shared = await office.a_list("1002", "1003", owner="1005", number=7, shared=True)
    await office.a_list("1004", owner="1005", number=8)
    find = office.distribution.list_for
    assert await find(office.anna, 7) == shared
    assert await find(office.anna, 8) is None  # another's own, not shared
    assert await find(office.anna, 9) is None
    own = await office.a_list("1004", number=7)
    assert await find(office.anna, 7) == own
    assert await find(office.people["1002"], 7) == shared
    assert [each.id for each in await office.distribution.lists_for(office.anna)] == [own.id]
    assert [each.id for each in await office.distribution.lists_for(office.people["1002"])] == [shared.id]


async def test_row_20_a_list_reaches_each_member_once_and_passes_over_full_and_disabled_ones(office: Office) -> None:
    one = await office.a_list("1001", "1002", "1003", "1004")
    other = await office.a_list("1002", "1005", number=2)
    await office.change("1003", enabled=False)
    await office.change("1004", quota_s=9)
    audience = Audience(people=(office.people["1002"],), lists=(one.id, other.id))
    sent = await office.compose(audience)
    assert outcomes(sent) == {"1002": "sent", "1003": "off", "1004": "full", "1005": "sent"}
    assert (sent.reached, [each.recipient for each in sent.missed]) == (2, ["1003", "1004"])
    assert [len(await office.new(each)) for each in ("1001", "1002", "1003", "1004", "1005")] == [0, 1, 0, 0, 1]
    ((kept, results),) = await office.distribution.sent(office.anna)
    assert kept.id == sent.id
    assert tuple(results) == sent.results


async def test_row_20_an_empty_list_is_refused_also_one_that_holds_the_sender_alone(office: Office) -> None:
    for members in ((), ("1001",)):
        made = await office.a_list(*members, number=1 + len(members))
        with pytest.raises(SendingRefused) as refused:
            await office.compose(Audience(lists=(made.id,)))
        assert refused.value.why is Refusal.EMPTY
    assert await office.count(sending) == await office.count(message_table) == 0


async def test_anothers_list_cannot_be_used_by_its_key_unless_it_is_shared(office: Office) -> None:
    private = await office.a_list("1002", owner="1005")
    with pytest.raises(SendingRefused) as refused:
        await office.compose(Audience(lists=(private.id,)))
    assert refused.value.why is Refusal.UNKNOWN_LIST
    shared = await office.a_list("1002", owner="1005", number=2, shared=True)
    assert (await office.compose(Audience(lists=(shared.id,)))).reached == 1


async def test_everyone_needs_the_right_and_leaves_out_the_sender(office: Office) -> None:
    with pytest.raises(SendingRefused) as refused:
        await office.compose(Audience(everyone=True))
    assert refused.value.why is Refusal.NOT_ALLOWED
    await office.change("1001", everyone=True)
    assert await office.distribution.everyone(office.anna) == 4
    sent = await office.compose(Audience(everyone=True))
    assert outcomes(sent) == dict.fromkeys(("1002", "1003", "1004", "1005"), "sent")


async def test_whoever_names_themselves_gets_a_copy(office: Office) -> None:
    assert (await office.compose(office.people_of("1001"))).reached == 1
    assert len(await office.new("1001")) == 1


async def test_a_mailbox_of_another_company_is_nobody(office: Office) -> None:
    stranger = await add_mailbox(office.db, await add_company(office.db, "Andere GmbH"), "1002", name="Fremd")
    sent = await office.compose(Audience(people=(stranger,)))
    assert outcomes(sent) == {"1002": "unknown"}
    assert await office.count(message_table) == 0


async def test_a_take_that_reaches_nobody_is_not_kept(office: Office) -> None:
    await office.change("1002", enabled=False)
    take = a_take()
    sent = await office.compose(office.people_of("1002"), take)
    assert sent.reached == 0
    async with office.db.read() as connection:
        assert await audio.get(connection, take.id) is None
    assert not any(isinstance(event, AudioSpooled) for event in office.heard)


async def test_security_row_16_a_forward_refers_to_the_same_audio_and_its_comment_is_a_segment(office: Office) -> None:
    left = await office.leave(seconds=10)
    comment = a_take(3)
    made = await office.a_list("1002", "1003")
    sent = await office.distribution.send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(lists=(made.id,)), comment, left)
    )
    assert sent.reached == 2
    for extension in ("1002", "1003"):
        (got,) = await office.new(extension)
        assert got.audio_ids == (comment.id, left.audio_id)
        assert got.duration_s == 13.0
        assert (got.caller, got.reason, got.kind) == (left.caller, left.reason, MessageKind.FORWARD)
        assert (got.sender_id, got.received_at) == (office.anna.id, office.clock.now())
        assert await office.inbox(extension).get(got.id) == got
    assert (await office.inbox("1001").get(left.id)) == left  # the original is what it was
    # A forward of the forward plays the newest comment first.
    (mine,) = await office.new("1002")
    second = a_take(2)
    again = Dispatch(MessageKind.FORWARD, office.people["1002"], office.people_of("1005"), second, mine)
    await office.distribution.send(again)
    (got,) = await office.new("1005")
    assert got.audio_ids == (second.id, comment.id, left.audio_id)
    assert got.duration_s == 15.0
    # It survives every move between folders.
    inbox = office.inbox("1005")
    for move in (inbox.heard, inbox.keep_new, inbox.delete, inbox.restore):
        moved = await move(got.id)
        assert moved is not None
        assert moved.audio_ids == got.audio_ids
    async with office.db.read() as connection:
        rows = [await audio.get(connection, each) for each in got.audio_ids]
    assert all(rows)


async def test_a_forward_without_a_comment_is_the_message_itself(office: Office) -> None:
    left = await office.leave()
    await office.distribution.send(Dispatch(MessageKind.FORWARD, office.anna, office.people_of("1002"), None, left))
    (got,) = await office.new("1002")
    assert (got.audio_ids, got.duration_s) == ((left.audio_id,), 10.0)
    assert await office.count(message_segment) == 0


async def test_a_confidential_message_stays_so_and_a_withheld_caller_stays_withheld(office: Office) -> None:
    left = await office.leave(confidential=True, caller=Caller(None, withheld=True))
    await office.distribution.send(Dispatch(MessageKind.FORWARD, office.anna, office.people_of("1002"), None, left))
    (got,) = await office.new("1002")
    assert got.confidential
    assert got.caller == Caller(None, withheld=True)


async def test_a_message_that_is_gone_or_anothers_is_not_forwarded(office: Office) -> None:
    left = await office.leave()
    for source in (replace(left, id=uuid.uuid4().hex), replace(left, mailbox_id=office.people["1002"].id)):
        with pytest.raises(SendingRefused) as refused:
            await office.distribution.send(
                Dispatch(MessageKind.FORWARD, office.anna, office.people_of("1003"), None, source)
            )
        assert refused.value.why is Refusal.GONE


async def test_a_message_without_a_recording_is_not_sent(office: Office) -> None:
    with pytest.raises(SendingRefused) as refused:
        await office.distribution.send(Dispatch(MessageKind.COMPOSE, office.anna, office.people_of("1002")))
    assert refused.value.why is Refusal.NOTHING


async def test_each_copy_causes_its_own_mails_and_lights(office: Office) -> None:
    await office.change("1002", notify_email="bert@example.org", copy_email="archive@example.org")
    await office.change("1003", redirect_email="cleo@example.org")
    await office.change("1004", mwi=False)
    await office.compose(office.people_of("1002", "1003", "1004"))
    async with office.db.read() as connection:
        rows = await outbox.page(connection, unfinished=False)
    caused = sorted((row.mailbox_id, row.kind) for row in rows)
    bert, cleo = office.people["1002"].id, office.people["1003"].id
    assert caused == [(bert, "mail-copy"), (bert, "mail-notify"), (bert, "mwi"), (cleo, "mail-redirect")]
    assert await office.new("1003") == []  # e-mail only: in no folder until the mail server has it, or refuses it
    told = {event.mailbox_id for event in office.heard if isinstance(event, MailboxChanged)}
    assert told == {bert, office.people["1004"].id}


async def test_sending_the_same_dispatch_twice_sends_it_once(office: Office) -> None:
    dispatch = Dispatch(MessageKind.COMPOSE, office.anna, office.people_of("1002", "1003"), a_take())
    first = await office.distribution.send(dispatch)
    assert await office.distribution.send(dispatch) == first
    assert [len(await office.new(each)) for each in ("1002", "1003")] == [1, 1]


async def test_a_database_that_is_away_leaves_the_take_to_be_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("down")

    dispatch = Dispatch(MessageKind.COMPOSE, office.anna, office.people_of("1002"), a_take())
    with monkeypatch.context() as patched:
        patched.setattr(office.db, "write", away)
        with pytest.raises(DatabaseUnavailable):
            await office.distribution.send(dispatch)
    assert (await office.distribution.send(dispatch)).reached == 1


async def test_copies_that_nobody_has_heard_are_recalled_with_their_mails_and_lights(office: Office) -> None:
    await office.change("1002", notify_email="bert@example.org")
    await office.change("1005", redirect_email="emil@example.org")
    sent = await office.compose(office.people_of("1002", "1003", "1004", "1005"))
    (heard,) = await office.new("1003")
    await office.inbox("1003").heard(heard.id)
    await office.inbox("1003").keep_new(heard.id)  # new again, yet heard
    office.heard.clear()
    assert await office.distribution.recall(office.anna, sent.id) == 2
    ((_, results),) = await office.distribution.sent(office.anna)
    assert {each.recipient: each.outcome for each in results} == {
        "1002": Delivery.RECALLED,
        "1003": Delivery.SENT,
        "1004": Delivery.RECALLED,
        "1005": Delivery.SENT,  # by e-mail only: the mail may be on its way
    }
    assert [len(await office.new(each)) for each in ("1002", "1003", "1004")] == [0, 1, 0]
    told = {event.mailbox_id for event in office.heard if isinstance(event, MailboxChanged)}
    assert told == {office.people["1002"].id, office.people["1004"].id}
    async with office.db.read() as connection:
        rows = await outbox.page(connection, unfinished=False)
    (notify,) = [row for row in rows if row.kind == Kind.MAIL_NOTIFY]
    assert notify.message_id is None  # the notifier drops it
    assert await office.distribution.recall(office.anna, sent.id) == 0


async def test_it_is_known_how_the_copies_stand(office: Office) -> None:
    sent = await office.compose(office.people_of("1002", "1003", "1004", "1005"))

    async def standing() -> Standing | None:
        return await office.distribution.standing(office.anna, sent.id)

    assert await standing() == Standing(copies=4, unheard=4, heard=0, recalled=0)
    (heard,), (claimed,) = await office.new("1002"), await office.new("1003")
    await office.inbox("1002").heard(heard.id)
    await office.inbox("1003").claim(claimed.id, office.people["1003"])
    assert await standing() == Standing(copies=4, unheard=2, heard=1, recalled=0)
    (deleted,) = await office.new("1004")
    await office.inbox("1004").delete(deleted.id)
    assert await standing() == Standing(copies=4, unheard=1, heard=1, recalled=0)
    assert await office.distribution.recall(office.anna, sent.id) == 1
    assert await standing() == Standing(copies=3, unheard=0, heard=1, recalled=1)
    assert await office.distribution.standing(office.people["1002"], sent.id) is None
    assert await office.distribution.standing(office.anna, uuid.uuid4().hex) is None


async def test_it_is_known_whether_anything_reached_anybody(office: Office) -> None:
    assert not await office.distribution.has_sent(office.anna)
    await office.change("1002", enabled=False)
    await office.compose(office.people_of("1002"))
    assert not await office.distribution.has_sent(office.anna)
    sent = await office.compose(office.people_of("1003"))
    assert await office.distribution.has_sent(office.anna)
    await office.distribution.recall(office.anna, sent.id)
    assert await office.distribution.has_sent(office.anna)
    assert not await office.distribution.has_sent(office.people["1003"])


async def test_what_waits_to_be_mailed_cannot_be_taken_back(office: Office) -> None:
    await office.change("1002", redirect_email="bert@example.org")
    sent = await office.compose(office.people_of("1002"))
    assert await office.distribution.standing(office.anna, sent.id) == Standing(1, 0, 0, 0)


async def test_only_the_sender_recalls(office: Office) -> None:
    sent = await office.compose(office.people_of("1002"))
    assert await office.distribution.recall(office.people["1003"], sent.id) is None
    assert await office.distribution.recall(office.anna, uuid.uuid4().hex) is None
    assert len(await office.new("1002")) == 1


async def test_a_recall_and_a_listener_at_once_agree(office: Office) -> None:
    for _ in range(10):
        sent = await office.compose(office.people_of("1002"))
        (got,) = await office.new("1002")
        recalled, heard = await asyncio.gather(
            office.distribution.recall(office.anna, sent.id), office.inbox("1002").heard(got.id)
        )
        assert (recalled, heard is not None) in {(1, False), (0, True)}


async def test_thousands_of_recipients_take_one_transaction_of_a_few_seconds(office: Office) -> None:
    how_many = 3000
    rows = [
        {
            **{column.name: None for column in mailbox_table.c if column.nullable},
            "company_id": office.company.id,
            "number": str(20000 + n),
            "name": f"Nr. {n}",
            "language": "de",
            "time_zone": "Europe/Berlin",
            "created_at": NOW,
            "updated_at": NOW,
        }
        for n in range(how_many)
    ]
    for row in rows:
        row.pop("id", None)
    await office.db.write(lambda connection: connection.execute(insert(mailbox_table), rows))
    await office.change("1001", everyone=True)
    asked: list[object] = []

    def note(*statement: object) -> None:
        asked.append(statement[2])

    for engine in office.db._engines:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    # What others take of the machine meanwhile does not count; what a database does by itself is told by how often it
    # is asked: for a hundred people at once, not for each.
    began = time.process_time()
    sent = await office.compose(Audience(everyone=True))
    assert time.process_time() - began < 12.0
    assert len(asked) < how_many / 10
    assert sent.reached == how_many + 4
    assert await office.count(sending_result) == await office.count(message_table) == how_many + 4
    assert await office.distribution.recall(office.anna, sent.id) == how_many + 4


async def test_whatever_the_audience_is_each_of_it_gets_one_answer(office: Office) -> None:
    everybody = sorted(office.people)
    made = await office.a_list("1002")
    for seed in range(20):
        chance = random.Random(seed)
        named = chance.choices(everybody, k=chance.randrange(4))
        members = set(chance.choices(everybody, k=chance.randrange(6))) | {"1003"}
        off, full = (set(chance.choices(everybody[1:], k=chance.randrange(3))) for _ in range(2))
        for extension in everybody:
            quota = 1 if extension in full else 6_000_000
            await office.change(extension, enabled=extension not in off, quota_s=quota)
        made = await office.change_list(made, *members)
        sent = await office.compose(replace(office.people_of(*named), lists=(made.id,)))
        wanted = (members - {"1001"}) | set(named)
        assert outcomes(sent) == {
            each: "off" if each in off else "full" if each in full else "sent" for each in sorted(wanted)
        }
        assert all((each.message_id is not None) == (each.outcome is Delivery.SENT) for each in sent.results)


async def test_a_list_is_read_when_it_is_sent_to_not_before(office: Office) -> None:
    made = await office.a_list("1002")
    await office.change_list(made, "1003")
    assert outcomes(await office.compose(Audience(lists=(made.id,)))) == {"1003": "sent"}


async def test_a_sending_whose_first_try_was_committed_meanwhile_is_not_written_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = Dispatch(MessageKind.COMPOSE, office.anna, office.people_of("1002"), a_take())
    first = await office.distribution.send(dispatch)
    seen, results = 0, sendings.results

    async def as_before(connection: AsyncConnection, sending_id: str) -> list[sendings.Result]:
        nonlocal seen
        seen += 1
        return [] if seen == 1 else await results(connection, sending_id)

    monkeypatch.setattr(sendings, "results", as_before)
    assert await office.distribution.send(dispatch) == first
    assert len(await office.new("1002")) == 1
