"""What is believed of whoever sent a call."""

from collections.abc import Mapping, Sequence

import pytest

from ivr.guests import drop_claims
from ivr.sip.headers import Headers
from ivr.sip.message import Request
from ivr.sip.uri import Uri
from tests.fakes.voicemail import ANNA, BEISPIEL
from voicebox.mailbox import Mailbox
from voicebox.numbers import DialPlan, Number

PLAN = DialPlan("49", "211")


class Numbers:
    """A directory with Anna in it."""

    def __init__(self) -> None:
        self.asked = 0

    async def find_all(self, company_id: int, numbers: Sequence[Number]) -> Mapping[Number, Mailbox]:
        self.asked += 1
        return {each: ANNA for each in numbers if each.digits == ANNA.number or each.e164 == ANNA.phone}


@pytest.mark.parametrize(
    ("came", "left"),
    [
        ("<sip:+4930999999@victim.example>;reason=unconditional", []),
        ("<sip:1001@x>;reason=user-busy", ["<sip:1001@x>;reason=user-busy"]),
        ("<tel:+4930999999>, <sip:02115551001@x>, nonsense, <sip:anna@x>, <sip:x>", ["<sip:02115551001@x>"]),
    ],
)
async def test_of_a_phones_diversions_those_of_its_company_are_left(came: str, left: list[str]) -> None:
    request = Request("INVITE", Uri.parse("sip:1002@x"), Headers([("Diversion", came), ("Subject", "s")]))
    await drop_claims(request, BEISPIEL, PLAN, Numbers())
    assert request.headers.all("Diversion") == left
    assert request.headers.get("Subject") == "s"


async def test_a_phone_that_claims_nothing_costs_no_query() -> None:
    numbers = Numbers()
    await drop_claims(Request("INVITE", Uri.parse("sip:1002@x"), Headers()), BEISPIEL, PLAN, numbers)
    assert numbers.asked == 0
