"""Where a call goes: voicemail.md's rules 1 to 4, case by case."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.arrival import (
    DIVERSIONS_MAX,
    Arrival,
    Decision,
    Diversion,
    MailboxOf,
    Refused,
    ToMailbox,
    ToPortal,
    decide,
    read_deflection,
)
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Reason
from voicebox.numbers import DialPlan, Number

PLAN = DialPlan("49", "211")
EXAMPLE = Company(1, "Beispiel GmbH", Language.DE, "Europe/Berlin", "49", "211")
OTHER = Company(2, "Other Ltd", Language.EN, "Europe/London", "44", "20")
STRANGER = Caller("+493012345678")


def mailbox(key: int, number: str, *, company_id: int = 1, enabled: bool = True) -> Mailbox:
    return Mailbox(key, company_id, number, f"+49211555{number}", "A", Language.DE, "Europe/Berlin", enabled=enabled)


ANNA, BERT, OFF = mailbox(1, "1001"), mailbox(2, "1002"), mailbox(3, "1003", enabled=False)
THEIRS = mailbox(4, "1001", company_id=2)


class People:
    """A directory in memory, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.known = {
            (box.company_id, key): box for box in (ANNA, BERT, OFF, THEIRS) for key in (box.number, box.phone)
        }
        self.known[1, "+491701234567"] = ANNA

    async def find_all(self, company_id: int, numbers: Sequence[Number]) -> Mapping[Number, Mailbox]:
        self.asked += 1
        assert len(set(numbers)) == len(numbers)
        return {
            number: found
            for number in numbers
            if (found := self.known.get((company_id, number.digits)) or self.known.get((company_id, number.e164)))
        }


async def go(
    called: str,
    *diversions: tuple[str, Reason],
    target: str | None = None,
    cause: Reason | None = None,
    caller: Caller = STRANGER,
    mailbox_of: MailboxOf = MailboxOf.LAST,
    company: Company = EXAMPLE,
    portal: Sequence[str] = ("8000",),
) -> Decision:
    arrival = Arrival(called, caller, target, cause, tuple(Diversion(*each) for each in diversions))
    people = People()
    decision = await decide(
        arrival, company=company, plan=PLAN, portal_numbers=portal, mailbox_of=mailbox_of, directory=people
    )
    assert people.asked <= 1
    assert decision.why
    return decision


def deposit(decision: Decision) -> tuple[str, Reason, str | None]:
    assert isinstance(decision, ToMailbox), decision
    return decision.mailbox.number, decision.reason, decision.deflected_by


# Rule 1


@pytest.mark.parametrize("called", ["8000", "sip:8000@pbx", "8000;user=phone", "80-00"])
async def test_a_portal_number_without_diversion_is_the_portal(called: str) -> None:
    assert isinstance(await go(called), ToPortal)


@pytest.mark.parametrize("called", ["02115558000", "+492115558000", "00492115558000", "5558000", "8000"])
async def test_the_portal_is_known_by_every_number_configured(called: str) -> None:
    assert isinstance(await go(called, portal=["8000", "+49 211 5558000"]), ToPortal)


async def test_a_target_that_is_the_portal_is_the_portal() -> None:
    assert isinstance(await go("vm", target="8000"), ToPortal)


@pytest.mark.parametrize("caller", [Caller("1001"), Caller("+492115551001"), Caller(None, withheld=True), Caller(None)])
async def test_the_portal_takes_every_caller(caller: Caller) -> None:
    assert isinstance(await go("8000", caller=caller), ToPortal)


async def test_the_portal_asks_the_directory_nothing() -> None:
    people = People()
    arrival = Arrival("8000", STRANGER)
    await decide(
        arrival, company=EXAMPLE, plan=PLAN, portal_numbers=["8000"], mailbox_of=MailboxOf.LAST, directory=people
    )
    assert people.asked == 0


@pytest.mark.parametrize("diverter", ["+493012345678", "anonymous", "9999"])
async def test_the_portal_takes_no_diverted_call(diverter: str) -> None:
    """Else a stranger's forwarding would put his callers before the login."""
    decision = await go("8000", (diverter, Reason.BUSY))
    assert isinstance(decision, Refused)
    assert decision.status == 404


async def test_a_target_that_is_nobody_does_not_open_the_portal() -> None:
    decision = await go("8000", target="9999", cause=Reason.BUSY)
    assert isinstance(decision, Refused)
    assert decision.status == 404


# Rule 2


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.PORTAL])
@pytest.mark.parametrize("called", ["8000", "1001", "1002", "vm", "9999"])
async def test_a_diversion_deposits_at_the_number_that_diverted(called: str, reason: Reason) -> None:
    assert deposit(await go(called, ("1002", reason))) == ("1002", reason, "1002")


@pytest.mark.parametrize(
    "spelled",
    ["1001", "+492115551001", "00492115551001", "02115551001", "492115551001", "5551001", "tel:+49-211-555-1001",
     "%2B492115551001", "0211%205551001"],
)  # fmt: skip
async def test_a_diverting_number_is_known_in_every_spelling(spelled: str) -> None:
    number, reason, by = deposit(await go("8000", (spelled, Reason.NO_ANSWER)))
    assert (number, reason) == ("1001", Reason.NO_ANSWER)
    assert by in ("1001", "+492115551001")


async def test_an_alias_diverts_to_its_mailbox() -> None:
    assert deposit(await go("8000", ("01701234567", Reason.BUSY))) == ("1001", Reason.BUSY, "+491701234567")


@pytest.mark.parametrize(
    ("mailbox_of", "expected"),
    [
        (MailboxOf.LAST, ("1002", Reason.NO_ANSWER, "1002")),
        (MailboxOf.FIRST, ("1001", Reason.UNCONDITIONAL, "1001")),
    ],
)
async def test_of_two_mailboxes_the_peer_says_which(mailbox_of: MailboxOf, expected: tuple[str, Reason, str]) -> None:
    chain = [("1001", Reason.UNCONDITIONAL), ("1002", Reason.NO_ANSWER)]
    assert deposit(await go("8000", *chain, mailbox_of=mailbox_of)) == expected


@pytest.mark.parametrize("mailbox_of", MailboxOf)
@pytest.mark.parametrize("foreign_at", [0, 1])
async def test_numbers_that_are_not_ours_are_passed_over(mailbox_of: MailboxOf, foreign_at: int) -> None:
    chain = [("1001", Reason.BUSY)]
    chain.insert(foreign_at, ("+4930999888", Reason.UNCONDITIONAL))
    assert deposit(await go("8000", *chain, mailbox_of=mailbox_of)) == ("1001", Reason.BUSY, "1001")


@pytest.mark.parametrize(
    ("mailbox_of", "reason"), [(MailboxOf.LAST, Reason.BUSY), (MailboxOf.FIRST, Reason.UNCONDITIONAL)]
)
async def test_a_mailbox_twice_in_the_chain_gives_the_reason_of_the_entry_that_counts(
    mailbox_of: MailboxOf, reason: Reason
) -> None:
    chain = [("1001", Reason.UNCONDITIONAL), ("9999", Reason.BUSY), ("+492115551001", Reason.BUSY)]
    assert deposit(await go("8000", *chain, mailbox_of=mailbox_of))[:2] == ("1001", reason)


@pytest.mark.parametrize("mailbox_of", MailboxOf)
@pytest.mark.parametrize("called", ["8000", "vm", "1002"])
async def test_a_target_wins_over_the_chain_with_its_cause(mailbox_of: MailboxOf, called: str) -> None:
    chain = [("1002", Reason.NO_ANSWER), ("1003", Reason.NO_ANSWER)]
    decision = await go(called, *chain, target="1001", cause=Reason.BUSY, mailbox_of=mailbox_of)
    assert deposit(decision) == ("1001", Reason.BUSY, "1001")


async def test_a_target_without_cause_takes_the_reason_its_mailbox_gave() -> None:
    chain = [("+492115551001", Reason.NO_ANSWER), ("1002", Reason.BUSY)]
    assert deposit(await go("8000", *chain, target="1001"))[:2] == ("1001", Reason.NO_ANSWER)


async def test_a_target_without_any_reason_is_unavailable() -> None:
    assert deposit(await go("8000", target="0211-5551001")) == ("1001", Reason.UNAVAILABLE, "+492115551001")


@pytest.mark.parametrize("target", ["9999", "anonymous", "", "8000"])
async def test_a_target_that_names_no_mailbox_leaves_it_to_the_chain(target: str) -> None:
    assert deposit(await go("8000", ("1001", Reason.BUSY), target=target, cause=Reason.NO_ANSWER))[:2] == (
        "1001",
        Reason.BUSY,
    )


# Rule 3


@pytest.mark.parametrize(
    "called", ["1001", "+492115551001", "02115551001", "tel:+49-211-555-1001", "5551001;user=phone", "01701234567"]
)
@pytest.mark.parametrize("caller", [STRANGER, Caller(None, withheld=True), Caller("1002"), Caller("1001")])
async def test_a_mailbox_number_called_directly_is_unavailable(called: str, caller: Caller) -> None:
    """Also for its own owner: only portal numbers are the portal."""
    assert deposit(await go(called, caller=caller)) == ("1001", Reason.UNAVAILABLE, None)


async def test_a_mailbox_called_through_a_stranger_s_forwarding_says_by_whom() -> None:
    decision = await go("1001", ("03099988877", Reason.BUSY))
    assert deposit(decision) == ("1001", Reason.UNAVAILABLE, "+493099988877")


async def test_a_cause_without_target_is_the_called_mailbox_s_reason() -> None:
    assert deposit(await go("1001", cause=Reason.BUSY)) == ("1001", Reason.BUSY, None)


async def test_a_mailbox_number_that_is_a_portal_number_too_is_the_portal() -> None:
    assert isinstance(await go("1001", portal=["1001"]), ToPortal)


# Rule 4, and the refusals


@pytest.mark.parametrize("called", ["9999", "", "vm", "anonymous", "+4930123456", "1001x", "x" * 500, "\r\n"])
async def test_nobody_s_number_is_404(called: str) -> None:
    decision = await go(called)
    assert isinstance(decision, Refused)
    assert decision.status == 404
    assert len(decision.why) < 200


@pytest.mark.parametrize(
    "arrival",
    [
        {"called": "1003", "cause": Reason.BUSY},
        {"called": "8000", "target": "1003"},
        {"called": "8000", "target": "1003", "cause": Reason.BUSY},
    ],
)
async def test_a_mailbox_switched_off_is_480(arrival: dict[str, str]) -> None:
    decision = await go(**arrival)  # type: ignore[arg-type] # the cases differ in keys
    assert isinstance(decision, Refused)
    assert (decision.status, decision.mailbox) == (480, OFF)


@pytest.mark.parametrize(
    ("called", "mailbox"), [("1001", ANNA), ("+492115551001", ANNA), ("1003", OFF), ("+492115551003", OFF)]
)
async def test_a_called_number_leaves_it_to_coverage_also_where_the_mailbox_is_off(
    called: str, mailbox: Mailbox
) -> None:
    decision = await go(called)
    assert isinstance(decision, ToMailbox)
    assert (decision.mailbox, decision.called) == (mailbox, True)


async def test_a_call_that_was_diverted_or_has_a_cause_is_a_deposit_without_coverage() -> None:
    for decision in (await go("8000", ("1001", Reason.BUSY)), await go("1001", cause=Reason.BUSY)):
        assert isinstance(decision, ToMailbox)
        assert not decision.called


async def test_a_mailbox_switched_off_does_not_pass_its_calls_to_another_in_the_chain() -> None:
    decision = await go("8000", ("1001", Reason.BUSY), ("1003", Reason.BUSY))
    assert isinstance(decision, Refused)
    assert decision.status == 480


@pytest.mark.parametrize("times", range(DIVERSIONS_MAX + 3))
async def test_more_than_five_diversions_are_a_loop(times: int) -> None:
    numbers = itertools.islice(itertools.cycle(["1001", "1002"]), times)
    decision = await go("1001", *((number, Reason.UNCONDITIONAL) for number in numbers))
    if times <= DIVERSIONS_MAX:
        assert isinstance(decision, ToMailbox)
    else:
        assert isinstance(decision, Refused)
        assert decision.status == 482


# Companies, and the record


async def test_an_extension_means_the_company_s_own() -> None:
    for company, expected in ((EXAMPLE, ANNA), (OTHER, THEIRS)):
        decision = await go("1001", company=company)
        assert isinstance(decision, ToMailbox)
        assert decision.mailbox is expected


async def test_another_company_s_mailbox_is_nobody() -> None:
    decision = await go("8000", ("1002", Reason.BUSY), company=OTHER)
    assert isinstance(decision, Refused)
    assert decision.status == 404


async def test_the_record_says_why() -> None:
    decision = await go("8000", ("1001", Reason.UNCONDITIONAL), ("1002", Reason.NO_ANSWER))
    assert decision.facts == {
        "to": "mailbox",
        "mailbox": "1002",
        "reason": "no-answer",
        "deflected_by": "1002",
        "why": "1002 is the last of our numbers in the chain 1001 (unconditional), 1002 (no-answer)",
    }
    assert (await go("8000")).facts["reason"] == "portal"
    assert (await go("8000", target="1003")).facts == {
        "to": "refused",
        "status": "480",
        "mailbox": "1003",
        "why": "mailbox 1003 is switched off (the target 1003 names it)",
    }


TEXTS = st.one_of(st.sampled_from(["1001", "+492115551002", "1003", "8000", "anonymous", ""]), st.text(max_size=20))


@given(
    st.builds(
        Arrival,
        called=TEXTS,
        caller=st.just(STRANGER),
        target=st.none() | TEXTS,
        target_reason=st.none() | st.sampled_from(Reason),
        diversions=st.lists(st.builds(Diversion, TEXTS, st.sampled_from(Reason)), max_size=7).map(tuple),
    ),
    st.sampled_from(MailboxOf),
)
async def test_every_arrival_gets_a_decision_that_keeps_the_rules(arrival: Arrival, mailbox_of: MailboxOf) -> None:
    people = People()
    decision = await decide(
        arrival, company=EXAMPLE, plan=PLAN, portal_numbers=["8000"], mailbox_of=mailbox_of, directory=people
    )
    match decision:
        case ToPortal():
            assert not arrival.diversions
            assert "8000" in (arrival.called, arrival.target)
        case ToMailbox():
            assert decision.mailbox.enabled or decision.called
            assert decision.mailbox.company_id == EXAMPLE.id
        case Refused():
            assert decision.status in (404, 480, 482)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:1002@voicebox.example", "1002"),
        ("sip:100234@voicebox.example;user=phone", "100234"),
        ("sip:02115551002@192.0.2.1:5062;transport=udp", "02115551002"),
        ("sip:004930123456@x", "+4930123456"),
        ("tel:+49-30-123456", "+4930123456"),
        ("sip:anna@elsewhere.example", "sip:anna@elsewhere.example"),
        ("sip:8000@x", None),
        ("sip:+492118000@x", None),
        # No user part: the digits of an address are nobody's number.
        ("sip:172.16.1.20", "sip:172.16.1.20"),
        ("sips:198.51.100.7:5061;transport=tls", "sips:198.51.100.7:5061;transport=tls"),
        # RFC 3966 section 5.1.4: a local number is its context's.
        ("tel:5551234;phone-context=+1212", "+12125551234"),
        ("sip:7042;phone-context=%2B49301234@x;user=phone", "+493012347042"),
        ("tel:8000;phone-context=+49301234", "+493012348000"),
        ("tel:12;phone-context=+491", "tel:12;phone-context=+491"),
        ("tel:1002;phone-context=elsewhere.example", "tel:1002;phone-context=elsewhere.example"),
        ("tel:8000;phone-context=Box.example", None),
        ("tel:1002;phone-context=box.example", "1002"),
        ("tel:+4930123456;phone-context=elsewhere.example", "+4930123456"),
    ],
)
def test_where_a_phone_deflects_a_call_to(uri: str, number: str | None) -> None:
    assert read_deflection(uri, PLAN, ["8000", "+492118000"], domain="box.example") == number


@given(st.text(max_size=300))
def test_whatever_a_phone_names_is_bounded(uri: str) -> None:
    assert len(read_deflection(uri, PLAN, ["8000"], domain="box.example") or "") <= 40
