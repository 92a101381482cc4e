"""The message light: who is told, when, and what becomes of subscriptions."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.lamp import WATCHERS_MAX, Lamp
from ivr.sip.hops import Address, Hop, Source, Transport
from ivr.sip.message import Request, Response, parse, response_to
from tests.fakes.voicemail import ANNA
from voicebox.directory import Device
from voicebox.errors import DatabaseUnavailable
from voicebox.message import Counts
from voicebox.settings.sip import Sip

REALM = "voicebox.example"
PHONE = Device(1, ANNA.id, "1001", "1001", REALM, "", "")
OTHER = Device(1, 99, "1002", "1002", REALM, "", "")
LOCAL = Address("192.0.2.9", 5060)
AT = Source(Transport.UDP, "192.0.2.7", 5062, LOCAL)
ONE_NEW = Counts(1, 0, 0, 0)


class FakeEndpoint:
    """Keeps the NOTIFYs and answers them by a script."""

    def __init__(self) -> None:
        self.sent: list[tuple[Request, Hop | None]] = []
        self.status = 200
        self.hold: asyncio.Event | None = None

    def contact(self, hop: Hop, user: str = "") -> str:
        return f"<sip:{user}@192.0.2.9:5060>"

    async def request(self, request: Request, destination: Hop | None = None, *, timeout_s: float) -> Response:
        self.sent.append((request, destination))
        if self.hold is not None:
            await self.hold.wait()
        return response_to(request, self.status)

    @property
    def states(self) -> list[str]:
        return [(request.headers.get("Subscription-State") or "") for request, _ in self.sent]


class FakePhones:
    def __init__(self) -> None:
        self.registered: list[tuple[str, Hop]] = []

    def of_mailbox(self, mailbox_id: int) -> list[tuple[str, Hop]]:
        return self.registered


class Room:
    def __init__(self, **sip: Any) -> None:
        self.endpoint = FakeEndpoint()
        self.phones = FakePhones()
        self.counts: Callable[[], Counts | None] = lambda: ONE_NEW
        self.lamp = Lamp(
            self.endpoint,  # type: ignore[arg-type] # two of its methods are enough
            self.phones,  # type: ignore[arg-type] # likewise
            Sip.model_validate({"domain": REALM, "portal": ["8000"], **sip}),
            self._counts_of,
        )
        self.lamp._loop = cast("Any", SimpleNamespace(time=lambda: 1000.0))  # what is left is told to the second

    async def _counts_of(self, mailbox_id: int) -> Counts | None:
        return self.counts()

    async def subscribe(self, call_id: str = "s1", *, expires: int = 300, source: Source = AT) -> Response:
        response, watcher = self.lamp.subscribe(subscribe(call_id, expires=expires), source, PHONE)
        if watcher is not None:
            await self.lamp.greet(watcher)
        return response


@pytest.fixture
async def room() -> Room:
    return Room()


def subscribe(call_id: str = "s1", *, expires: int = 300, cseq: int = 1, tag: str = "", extra: str = "") -> Request:
    message = parse(
        f"SUBSCRIBE sip:1001@{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1\r\n"
        f"From: <sip:1001@{REALM}>;tag=phone\r\nTo: <sip:1001@{REALM}>{tag and f';tag={tag}'}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} SUBSCRIBE\r\nEvent: message-summary\r\nContact: <sip:1001@10.0.0.7:5062>\r\n"
        f"Expires: {expires}\r\n{extra}Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def expire(room: Room) -> None:
    for watchers in room.lamp._watchers.values():
        for watcher in watchers.values():
            watcher.subscription.expires_at = 0.0


async def turns() -> None:
    """Let everybody come as far as they can: nobody waits for anything but each other."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_every_subscribe_is_followed_by_the_whole_state_sent_to_where_it_came_from(room: Room) -> None:
    assert (await room.subscribe()).status == 200
    ((notify, hop),) = room.endpoint.sent
    assert notify.body.startswith(b"Messages-Waiting: yes\r\n")
    assert b"Message-Account: sip:8000@voicebox.example" in notify.body
    assert hop == AT.hop
    assert room.endpoint.states == ["active;expires=300"]


async def test_behind_a_proxy_that_wants_to_stay_the_route_leads(room: Room) -> None:
    request = subscribe(extra="Record-Route: <sip:edge.example;lr>\r\n")
    _, watcher = room.lamp.subscribe(request, AT, PHONE)
    assert watcher is not None
    await room.lamp.greet(watcher)
    assert room.endpoint.sent[0][1] is None


async def test_a_renewal_from_another_port_moves_the_light_there(room: Room) -> None:
    tag = (await room.subscribe()).to.tag or ""
    renewed = subscribe(cseq=2, tag=tag, expires=900)
    assert room.lamp.knows(renewed)
    moved = Source(Transport.UDP, "192.0.2.7", 6000, LOCAL)
    response, watcher = room.lamp.resubscribe(renewed, moved, PHONE)
    assert response.status == 200
    assert watcher is not None
    await room.lamp.show(ANNA, ONE_NEW)
    assert room.endpoint.sent[-1][1] == moved.hop


async def test_a_renewal_by_another_phone_or_out_of_order_changes_nothing(room: Room) -> None:
    tag = (await room.subscribe()).to.tag or ""
    assert room.lamp.resubscribe(subscribe(cseq=2, tag=tag), AT, OTHER)[0].status == 403
    response, watcher = room.lamp.resubscribe(subscribe(cseq=0, tag=tag), AT, PHONE)
    assert (response.status, watcher) == (500, None)
    assert room.lamp.resubscribe(subscribe(cseq=2, tag="gone"), AT, PHONE)[0].status == 481


async def test_a_foreign_mailbox_is_refused(room: Room) -> None:
    response, watcher = room.lamp.subscribe(subscribe(), AT, OTHER)
    assert (response.status, watcher) == (403, None)


async def test_expires_0_gets_one_last_notify_and_leaves_nothing(room: Room) -> None:
    await room.subscribe(expires=0)
    assert room.endpoint.states == ["terminated;reason=timeout"]
    assert room.lamp.subscriptions() == 0
    assert room.lamp._watchers == {}


async def test_subscriptions_whose_time_has_passed_are_ended_side_by_side(room: Room) -> None:
    for number in range(3):
        await room.subscribe(f"s{number}")
    room.endpoint.sent.clear()
    expire(room)
    room.endpoint.hold = asyncio.Event()
    tidying = asyncio.create_task(room.lamp.tidy())
    await turns()
    assert len(room.endpoint.sent) == 3
    room.endpoint.hold.set()
    await tidying
    assert room.endpoint.states == ["terminated;reason=timeout"] * 3
    assert room.lamp.subscriptions() == 0


async def test_a_change_after_the_time_has_passed_is_the_last_one(room: Room) -> None:
    await room.subscribe()
    expire(room)
    assert await room.lamp.show(ANNA, ONE_NEW)
    assert room.endpoint.states[-1] == "terminated;reason=timeout"
    assert room.lamp.subscriptions() == 0


async def test_while_the_database_is_away_a_notify_is_owed_and_sent_later(room: Room) -> None:
    def away() -> Counts | None:
        raise DatabaseUnavailable("away")

    room.counts = away
    assert (await room.subscribe()).status == 200
    await room.lamp.show_phone("sip:1001@192.0.2.7", AT.hop, ANNA.id)
    await room.lamp.tidy()
    assert room.endpoint.sent == []
    room.counts = lambda: ONE_NEW
    await room.lamp.tidy()
    assert room.endpoint.states == ["active;expires=300"]
    await room.lamp.tidy()
    assert len(room.endpoint.sent) == 1


async def test_a_phone_that_is_gone_is_forgotten_and_one_in_trouble_is_told_again(room: Room) -> None:
    await room.subscribe()
    room.endpoint.status = 500
    assert not await room.lamp.show(ANNA, ONE_NEW)
    assert room.lamp.subscriptions() == 1
    room.endpoint.status = 481
    assert await room.lamp.show(ANNA, ONE_NEW)
    assert room.lamp.subscriptions() == 0


async def test_while_a_notify_is_under_way_only_the_newest_state_waits(room: Room) -> None:
    await room.subscribe()
    room.endpoint.sent.clear()
    room.endpoint.hold = asyncio.Event()
    shown = [asyncio.create_task(room.lamp.show(ANNA, Counts(new, 0, 0, 0))) for new in (1, 2, 3)]
    await turns()
    room.endpoint.hold.set()
    assert await asyncio.gather(*shown) == [True, True, True]
    bodies = [request.body.partition(b"Voice-Message: ")[2][:3] for request, _ in room.endpoint.sent]
    assert bodies == [b"1/0", b"3/0"]
    numbers = [request.cseq.number for request, _ in room.endpoint.sent]
    assert numbers == sorted(numbers)


async def test_a_phone_that_crashes_and_subscribes_anew_for_ever_costs_a_bounded_number(room: Room) -> None:
    for number in range(WATCHERS_MAX + 5):
        await room.subscribe(f"s{number}")
    assert room.lamp.subscriptions() == WATCHERS_MAX


async def test_registered_phones_and_peers_are_told_unasked() -> None:
    room = Room(peer=[{"name": "pbx", "address": "192.0.2.1", "mwi": "unsolicited", "mwi_uri": "sip:{number}@pbx"}])
    room.phones.registered = [("sip:1001@192.0.2.8", Hop(Transport.UDP, "192.0.2.8", 5060))]
    assert await room.lamp.show(ANNA, ONE_NEW)
    assert [str(request.uri) for request, _ in room.endpoint.sent] == ["sip:1001@192.0.2.8", "sip:1001@pbx"]
    room.endpoint.status = 489
    assert await room.lamp.show(ANNA, ONE_NEW)
    room.endpoint.status = 408
    assert not await room.lamp.show(ANNA, ONE_NEW)
