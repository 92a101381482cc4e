"""The registrar's memory: who is registered, from where, and for how long."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from ivr.phones import Phones
from ivr.sip.hops import Address, Source, Transport
from ivr.sip.message import Request, Response, parse
from tests.fakes.rows import StandingClock
from voicebox.directory import Binding, Device
from voicebox.errors import DatabaseUnavailable

REALM = "voicebox.example"
ANNA = Device(1, 7, "1001", "1001", REALM, "", "")
LOCAL = Address("192.0.2.9", 5060)


class FakeDirectory:
    """Keeps bindings by address of record and contact, as the table does."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Binding] = {}
        self.away = False
        self.slow: asyncio.Event | None = None

    async def bindings(self, now: datetime, *, aor: str | None = None) -> Sequence[Binding]:
        return [row for row in self.rows.values() if row.expires_at > now]

    async def save_binding(self, binding: Binding) -> None:
        if self.slow is not None:
            await self.slow.wait()
        if self.away:
            raise DatabaseUnavailable("away")
        self.rows[binding.aor, binding.contact] = binding

    async def remove_binding(self, aor: str, contact: str | None = None) -> None:
        if self.away:
            raise DatabaseUnavailable("away")
        self.rows.pop((aor, contact or ""), None)


class Desk:
    def __init__(self) -> None:
        self.directory = FakeDirectory()
        self.clock = StandingClock()
        self.phones = Phones(self.directory, self.clock)  # type: ignore[arg-type] # its three methods are enough

    async def register(
        self, port: int = 5062, *, expires: int = 300, cseq: int = 1, device: Device = ANNA, contact: str = ""
    ) -> Response:
        where = contact or f"<sip:1001@192.0.2.7:{port}>"
        return await self.phones.register(
            register(where, expires=expires, cseq=cseq, call_id=f"r{port}"),
            Source(Transport.UDP, "192.0.2.7", port, LOCAL),
            device,
        )


def register(contact: str, *, expires: int, cseq: int, call_id: str, to: str = "1001") -> Request:
    message = parse(
        f"REGISTER sip:{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
        f"From: <sip:{to}@{REALM}>;tag=a\r\nTo: <sip:{to}@{REALM}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n"
        f"Contact: {contact}\r\nExpires: {expires}\r\nContent-Length: 0\r\n\r\n".encode("utf-8", "surrogateescape")
    )
    assert isinstance(message, Request)
    return message


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_registered_phone_is_known_by_address_and_mailbox_until_it_leaves(desk: Desk) -> None:
    assert (await desk.register()).status == 200
    assert desk.phones.is_contact("192.0.2.7", 5062)
    assert not desk.phones.is_contact("192.0.2.7", 5063)
    ((contact, hop),) = desk.phones.of_mailbox(7)
    assert (contact, str(hop)) == ("sip:1001@192.0.2.7:5062", "udp:192.0.2.7:5062")
    assert (await desk.register(expires=0, cseq=2)).status == 200
    assert not desk.phones.is_contact("192.0.2.7", 5062)
    assert desk.phones.of_mailbox(7) == []
    assert desk.directory.rows == {}


async def test_two_phones_that_register_at_once_are_both_known(desk: Desk) -> None:
    desk.directory.slow = asyncio.Event()
    both = [asyncio.create_task(desk.register(port)) for port in (5062, 5064)]
    await asyncio.sleep(0)
    desk.directory.slow.set()
    assert [response.status for response in await asyncio.gather(*both)] == [200, 200]
    assert desk.phones.count() == 2
    assert len(desk.phones.of_mailbox(7)) == len(desk.directory.rows) == 2


async def test_an_expired_phone_is_nobody_even_before_it_is_tidied_away(desk: Desk) -> None:
    await desk.register(expires=60)
    desk.clock.advance(61)
    assert not desk.phones.is_contact("192.0.2.7", 5062)
    assert desk.phones.of_mailbox(7) == []
    assert desk.phones.count() == 0


async def test_tidying_forgets_expired_phones_and_their_rows_and_keeps_the_others(desk: Desk) -> None:
    await desk.register(5062, expires=60)
    await desk.register(5064, expires=600)
    desk.clock.advance(61)
    await desk.phones.tidy()
    assert [contact for _, contact in desk.directory.rows] == ["sip:1001@192.0.2.7:5064"]
    desk.clock.advance(600)
    await desk.phones.tidy()
    assert (desk.phones._bindings, desk.phones._owners, desk.phones._of_mailbox, desk.phones._at) == ({}, {}, {}, {})
    assert len(desk.phones._changing) == 0


async def test_tidying_goes_on_while_the_database_is_away(desk: Desk) -> None:
    await desk.register(expires=60)
    desk.clock.advance(61)
    desk.directory.away = True
    await desk.phones.tidy()
    assert desk.phones._bindings == {}


async def test_what_cannot_be_stored_is_not_confirmed_and_not_believed(desk: Desk) -> None:
    desk.directory.away = True
    with pytest.raises(DatabaseUnavailable):
        await desk.register()
    assert not desk.phones.is_contact("192.0.2.7", 5062)


async def test_phones_are_known_again_after_a_restart(desk: Desk) -> None:
    await desk.register()
    again = Phones(desk.directory, desk.clock)  # type: ignore[arg-type] # as above
    await again.load()
    assert again.is_contact("192.0.2.7", 5062)
    assert len(again.of_mailbox(7)) == 1


async def test_two_numbers_of_one_phone_leave_one_by_one(desk: Desk) -> None:
    other = Device(1, 8, "1002", "1002", REALM, "", "")
    await desk.register()
    request = register("<sip:1002@192.0.2.7:5062>", expires=300, cseq=1, call_id="other", to="1002")
    await desk.phones.register(request, Source(Transport.UDP, "192.0.2.7", 5062, LOCAL), other)
    await desk.register(expires=0, cseq=2)
    assert desk.phones.is_contact("192.0.2.7", 5062)
    assert desk.phones.of_mailbox(7) == []
    assert len(desk.phones.of_mailbox(8)) == 1


async def test_someone_elses_number_and_unreadable_contacts_are_refused(desk: Desk) -> None:
    request = register("<sip:1002@192.0.2.7>", expires=300, cseq=1, call_id="x", to="1002")
    source = Source(Transport.UDP, "192.0.2.7", 5062, LOCAL)
    assert (await desk.phones.register(request, source, ANNA)).status == 403
    assert (await desk.register(contact="<sip:10\udcff01@192.0.2.7>")).status == 400
    assert desk.phones.count() == 0
