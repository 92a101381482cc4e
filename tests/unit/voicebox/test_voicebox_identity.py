"""Who is calling the portal."""

from dataclasses import replace

import pytest

from ivr import call
from voicebox.i18n import Language
from voicebox.identity import Ask, Identity, Line, Source, identify
from voicebox.mailbox import Mailbox
from voicebox.message import Caller
from voicebox.numbers import DialPlan, Number

PLAN = DialPlan("49", "211")
ANNA = Mailbox(1, 1, "1001", "+492115551001", "Anna", Language.DE, "Europe/Berlin")
AUTO = replace(ANNA, id=2, number="1002", phone="+492115551002", auto_login=True)
NOBODY = Identity(Ask.NUMBER_AND_PIN)
WITHHELD = Caller(None, withheld=True)


class People:
    known = {key: box for box in (ANNA, AUTO) for key in (box.number, box.phone)} | {"+491701234567": AUTO}

    async def mailbox(self, company_id: int, number: str) -> Mailbox | None:
        return self.known.get(number) if company_id == 1 else None

    async def find(self, company_id: int, number: Number) -> Mailbox | None:
        return (self.known.get(number.digits) or self.known.get(number.e164)) if company_id == 1 else None


@pytest.mark.parametrize(
    ("line", "device", "caller", "expected"),
    [
        # A verified device is its owner's, whatever it shows.
        (Line.DEVICE, "1001", Caller("1001"), Identity(Ask.PIN, ANNA)),
        (Line.DEVICE, "1002", Caller("1002"), Identity(Ask.NOTHING, AUTO, "device")),
        (Line.DEVICE, "1002", Caller("1001"), Identity(Ask.NOTHING, AUTO, "device")),
        (Line.DEVICE, "1001", Caller("1002"), Identity(Ask.PIN, ANNA)),
        (Line.DEVICE, "1002", WITHHELD, Identity(Ask.NOTHING, AUTO, "device")),
        (Line.DEVICE, "9999", Caller("1002"), NOBODY),
        # A peer's verified number, own or alias.
        (Line.TRUNK, None, Caller("+492115551002"), Identity(Ask.NOTHING, AUTO, "trunk")),
        (Line.TRUNK, None, Caller("+491701234567"), Identity(Ask.NOTHING, AUTO, "trunk")),
        (Line.TRUNK, None, Caller("+492115551001"), Identity(Ask.PIN, ANNA)),
        (Line.TRUNK, None, Caller("+4930999"), NOBODY),
        (Line.TRUNK, None, WITHHELD, NOBODY),
        (Line.TRUNK, None, Caller(None), NOBODY),
        # Anybody can claim a number: it only spares typing it.
        (Line.CLAIMED, None, Caller("1002"), Identity(Ask.PIN, AUTO)),
        (Line.CLAIMED, None, Caller("+491701234567"), Identity(Ask.PIN, AUTO)),
        (Line.CLAIMED, "1002", Caller("1002"), Identity(Ask.PIN, AUTO)),
        (Line.CLAIMED, None, Caller("+4930999"), NOBODY),
        (Line.CLAIMED, None, Caller("anonymous"), NOBODY),
        (Line.CLAIMED, None, replace(Caller("1002"), withheld=True), NOBODY),
        # A device that was not verified is none.
        (Line.DEVICE, None, WITHHELD, NOBODY),
    ],
)
async def test_who_calls_is_asked_no_more_than_needed(
    line: Line, device: str | None, caller: Caller, expected: Identity
) -> None:
    found = await identify(company_id=1, plan=PLAN, line=line, device=device, caller=caller, directory=People())
    assert found == expected


@pytest.mark.parametrize("line", Line)
async def test_another_company_s_numbers_mean_nothing(line: Line) -> None:
    found = await identify(company_id=2, plan=PLAN, line=line, device="1002", caller=Caller("1002"), directory=People())
    assert found == NOBODY


def test_the_lines_are_those_of_a_call() -> None:
    assert [line.value for line in Line] == [line.value for line in call.Line]


@pytest.mark.parametrize(
    ("trusted", "caller", "device", "source"),
    [
        (True, Caller("+4930999"), None, Source("number:+4930999")),
        (True, WITHHELD, None, Source("withheld:pbx", shared=True)),
        (True, Caller(None), None, Source("withheld:pbx", shared=True)),
        (False, Caller("+4930999"), None, Source("address:192.0.2.7")),
        (False, WITHHELD, None, Source("address:192.0.2.7")),
        (False, Caller("+4930999"), "1001", Source("number:1001")),
        (True, WITHHELD, "1001", Source("number:1001")),
    ],
)
def test_failures_are_counted_by_what_cannot_be_chosen_freely(
    trusted: bool, caller: Caller, device: str | None, source: Source
) -> None:
    assert Source.of_call(peer="pbx", trusted=trusted, address="192.0.2.7", caller=caller, device=device) == source


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "address:2001:db8:1:2::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("192.0.2.7", "address:192.0.2.7"),
        ("nowhere", "address:nowhere"),
    ],
)
def test_addresses_count_as_networks_where_one_host_has_a_network(address: str, key: str) -> None:
    assert Source.of_address(address).key == key
