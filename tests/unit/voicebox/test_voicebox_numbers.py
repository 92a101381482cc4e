"""Numbers as people type them and as signalling carries them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebox.numbers import (
    SIGNALLED_MAX_CHARS,
    DialPlan,
    Number,
    NumberProblem,
    NumberRefused,
    parse_destination,
    parse_dialled,
    parse_signalled,
    parse_strict,
    spellings,
)

DUESSELDORF = DialPlan("49", "211")
NEW_YORK = DialPlan("1", "212")
ROME = DialPlan("39", "06")
MADRID = DialPlan("34")
ZURICH = DialPlan("41", "44")
COPENHAGEN = DialPlan("45")

SEED_EXAMPLES = ["+49 2115551111", "02115551111", "0211-555-1111"]
"""The seed, "Andere Telefone einrichten": the three alias formats shown as allowed."""


def test_the_three_examples_of_the_seed_are_one_number() -> None:
    assert {parse_strict(text, DUESSELDORF) for text in SEED_EXAMPLES} == {"+492115551111"}


@pytest.mark.parametrize(
    ("text", "plan", "e164"),
    [
        ("+49-211-555-1111", DUESSELDORF, "+492115551111"),
        ("+49 211 555 1111", DUESSELDORF, "+492115551111"),
        ("+49 211-555 1111", DUESSELDORF, "+492115551111"),
        ("+492115551111", NEW_YORK, "+492115551111"),
        ("0170 1234567", DUESSELDORF, "+491701234567"),
        ("555-1111", DUESSELDORF, "+492115551111"),
        ("555111", DUESSELDORF, "+49211555111"),
        ("211 5551111", DUESSELDORF, "+492115551111"),
        ("49 211 5551111", DUESSELDORF, "+492115551111"),
        ("212-555-0100", NEW_YORK, "+12125550100"),
        ("1-212-555-0100", NEW_YORK, "+12125550100"),
        ("555-0100", NEW_YORK, "+12125550100"),
        ("06 1234 5678", ROME, "+390612345678"),
        ("912 345 678", MADRID, "+34912345678"),
        ("044 234 56 78", ZURICH, "+41442345678"),
        ("32 34 56 78", COPENHAGEN, "+4532345678"),
    ],
)
def test_typed_numbers_become_e164(text: str, plan: DialPlan, e164: str) -> None:
    assert parse_strict(text, plan) == e164


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", NumberProblem.EMPTY),
        ("0049211555111", NumberProblem.ZEROS),
        ("00", NumberProblem.ZEROS),
        ("0 0211 5551111", NumberProblem.ZEROS),
        ("++492115551111", NumberProblem.PLUS),
        ("49+2115551111", NumberProblem.PLUS),
        ("02115551111+", NumberProblem.PLUS),
        ("+02115551111", NumberProblem.ZERO_AFTER_PLUS),
        ("+49 0211 5551111", NumberProblem.ZERO_AFTER_PLUS),
        ("+49(0)2115551111", NumberProblem.CHARACTER),
        ("0211/555", NumberProblem.CHARACTER),
        ("0211.5551111", NumberProblem.CHARACTER),
        ("0211555111a", NumberProblem.CHARACTER),
        ("anna", NumberProblem.CHARACTER),
        ("٠٢١١٥٥٥١١١١", NumberProblem.CHARACTER),
        ("０２１１５５５１１１１", NumberProblem.CHARACTER),
        ("0211\t5551111", NumberProblem.CHARACTER),
        ("02115551111\n", NumberProblem.CHARACTER),
        ("0211\u20115551111", NumberProblem.CHARACTER),
        ("0211--5551111", NumberProblem.SEPARATOR),
        ("0211  5551111", NumberProblem.SEPARATOR),
        ("0211 -5551111", NumberProblem.SEPARATOR),
        ("-02115551111", NumberProblem.SEPARATOR),
        ("02115551111-", NumberProblem.SEPARATOR),
        (" 02115551111", NumberProblem.SEPARATOR),
        ("+ 492115551111", NumberProblem.SEPARATOR),
        ("+-492115551111", NumberProblem.SEPARATOR),
        ("+", NumberProblem.SEPARATOR),
        ("-", NumberProblem.SEPARATOR),
        ("0", NumberProblem.TOO_SHORT),
        ("0211", NumberProblem.TOO_SHORT),
        ("110", NumberProblem.TOO_SHORT),
        ("1002", NumberProblem.TOO_SHORT),
        ("+4921", NumberProblem.TOO_SHORT),
        ("0" + "2" * 16, NumberProblem.TOO_LONG),
        ("+49" + "2" * 14, NumberProblem.TOO_LONG),
        ("1" * 41, NumberProblem.TOO_LONG),
        ("+999 1234567", NumberProblem.COUNTRY),
    ],
)
def test_what_row_5_does_not_allow_is_refused_with_its_reason(text: str, problem: NumberProblem) -> None:
    with pytest.raises(NumberRefused) as caught:
        parse_strict(text, DUESSELDORF)
    assert caught.value.problem is problem


@given(st.text(max_size=60), st.sampled_from([DUESSELDORF, NEW_YORK, ROME, MADRID]))
def test_the_strict_parser_gives_e164_or_refuses(text: str, plan: DialPlan) -> None:
    try:
        number = parse_strict(text, plan)
    except NumberRefused:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number)


DIALLABLE = st.text(alphabet="0123456789+- ", max_size=24)


@given(DIALLABLE, st.sampled_from([DUESSELDORF, NEW_YORK, ROME, MADRID]))
@example("0 211", DUESSELDORF)
def test_what_is_stored_reads_as_itself_in_either_parser(text: str, plan: DialPlan) -> None:
    try:
        number = parse_strict(text, plan)
    except NumberRefused:
        return
    assert parse_strict(number, plan) == number
    assert parse_signalled(number, plan) == Number(number, "")


@given(DIALLABLE)
def test_leading_zeros_doubled_signs_and_loose_separators_never_pass(text: str) -> None:
    try:
        parse_strict(text, DUESSELDORF)
    except NumberRefused:
        return
    assert re.fullmatch(r"\+?[0-9]([ -]?[0-9])*", text)
    assert not re.match(r"\+?0[ -]?0|\+0", text)


@given(st.text(alphabet="0123456789", min_size=7, max_size=7), st.text(alphabet=" -", min_size=10, max_size=10))
def test_separators_change_nothing(subscriber: str, separators: str) -> None:
    plain = "0211" + subscriber
    spaced = "".join(digit + between for digit, between in zip(plain, separators + "x", strict=True))[:-1]
    assert parse_strict(spaced, DUESSELDORF) == parse_strict(plain, DUESSELDORF) == "+49211" + subscriber


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("1000", "1000"),
        ("10-00", "1000"),
        ("7", "7"),
        ("0211 5559999", "+492115559999"),
        ("+49 211 5559999", "+492115559999"),
        ("112", "112"),
        ("116 117", "116117"),
    ],
)
def test_a_destination_may_be_an_extension(text: str, destination: str) -> None:
    assert parse_destination(text, DUESSELDORF) == destination


@pytest.mark.parametrize("text", ["", "0", "00", "+1", "10--00", "1000;x", "sip:1000@evil", "00492115559999"])
def test_a_destination_is_spelled_as_strictly(text: str) -> None:
    with pytest.raises(NumberRefused):
        parse_destination(text, DUESSELDORF)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1001", Number(None, "1001")),
        ("5559999", Number("+492115559999", "5559999")),
        ("0211-555 9999", Number("+492115559999", "02115559999")),
        ("+49 211 5559999", Number("+492115559999", "")),
        ("00492115559999", Number("+492115559999", "")),
        ("00442079460000", Number("+442079460000", "")),
        ("110", Number(None, "110")),
        ("112", Number(None, "112")),
        ("000", Number(None, "000")),
        ("116117", Number(None, "116117")),
        ("116 117", Number(None, "116117")),
    ],
)
def test_a_phone_dials_abroad_by_two_zeros_and_emergency_numbers_are_no_numbers_of_the_town(
    text: str, number: Number
) -> None:
    assert parse_dialled(text, DUESSELDORF) == number


@pytest.mark.parametrize(
    "text",
    ["", "*", "anonymous", "++49211", "0211/5559999", "%2B492115559999", "sip:1001@evil", "0" * 33,
     "tel:1001;phone-context=elsewhere.example"],
)  # fmt: skip
def test_what_nobody_dials_is_none(text: str) -> None:
    assert parse_dialled(text, DUESSELDORF) is None


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("1001", Number(None, "1001")),
        ("0", Number(None, "0")),
        ("110", Number(None, "110")),
        ("10 01", Number(None, "1001")),
        ("1001;npdi;user=phone", Number(None, "1001")),
        ("sip:1001@voicebox.example;user=phone", Number(None, "1001")),
        ("<sip:1001@voicebox.example>", Number(None, "1001")),
        ("tel:1001;phone-context=example.com", Number(None, "1001")),
        ("tel:1001;phone-context=+49211555", Number("+492115551001", "1001")),
        ("tel:5551001;phone-context=%2B49-211", Number("+492115551001", "5551001")),
        ("+492115551001", Number("+492115551001", "")),
        ("%2B492115551001", Number("+492115551001", "")),
        ("%2b49%20211%205551001", Number("+492115551001", "")),
        ("+49-211-555.10(01)", Number("+492115551001", "")),
        ("+49 (0)211 / 555 1001", Number("+492115551001", "")),
        ("+4902115551001", Number("+492115551001", "")),
        ("tel:+49-211-555-1001;ext=", Number("+492115551001", "")),
        ("SIPS:+492115551001@[::1]:5061;transport=tls", Number("+492115551001", "")),
        ("00492115551001", Number("+492115551001", "")),
        ("0031201234567", Number("+31201234567", "")),
        ("02115551001", Number("+492115551001", "02115551001")),
        ("0211 5551001", Number("+492115551001", "02115551001")),
        ("492115551001", Number("+492115551001", "492115551001")),
        ("2115551001", Number("+492115551001", "2115551001")),
        ("5551001", Number("+492115551001", "5551001")),
        ("31201234567", Number("+31201234567", "31201234567")),
        ("0" * 32, Number(None, "0" * 32)),
    ],
)
def test_signalled_numbers_are_read_in_every_spelling(user: str, number: Number) -> None:
    assert parse_signalled(user, DUESSELDORF) == number


@pytest.mark.parametrize(
    "user",
    ["", "anonymous", "Anonymous", "unknown", "restricted", "anna", "1001a", "*1001", "+", "++49211",
     "#31#0211",
     "+0211555", "+1001", "+999123456", "0" * 33, "1" * (SIGNALLED_MAX_CHARS + 1), "%", "%zz", "%00", "sip:",
     "tel:;phone-context=+49", ";phone-context=+49211", "1+1", "١٠٠١", "１００１", "１", "1001\x00", "1001\r\nEvil: 1",
     "sip:1001", "<sip:172.16.1.20>", "SIPS:198.51.100.7:5061;transport=tls"],
)  # fmt: skip
def test_what_is_no_number_is_none(user: str) -> None:
    assert parse_signalled(user, DUESSELDORF) is None


URI_PIECES = st.sampled_from(
    ["sip:", "tel:", "+", "00", "0", "49", "211", "555", "1001", "-", " ", "(0)", "%2B", "%", ";", "@", "<", ">",
     "phone-context=", "user=phone", ".", "/", "anonymous", "\x00", "é", "\ud800", "²"]
)  # fmt: skip


@given(
    st.one_of(st.text(), st.lists(URI_PIECES, max_size=12).map("".join)),
    st.sampled_from([DUESSELDORF, NEW_YORK, ROME, MADRID]),
)
def test_no_signalled_text_raises(user: str, plan: DialPlan) -> None:
    number = parse_signalled(user, plan)
    if number is not None:
        assert number.e164 is None or re.fullmatch(r"\+[1-9][0-9]{4,14}", number.e164)
        assert re.fullmatch(r"[0-9]{0,32}", number.digits)
        assert number.shown


@given(st.integers(10**6, 10**7 - 1).map(str))
def test_one_subscriber_is_one_number_however_the_peer_spells_it(subscriber: str) -> None:
    spelled = ["+49211", "0049211", "+49 (0)211 ", "49211", "0211", "%2B49211", "tel:+49-211-"]
    found = {number.e164 for start in spelled if (number := parse_signalled(start + subscriber, DUESSELDORF))}
    assert found == {"+49211" + subscriber}


def test_an_extension_costs_no_library_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebox.numbers.phonenumbers.parse", None)
    assert parse_signalled("70917", DUESSELDORF) == Number(None, "70917")


def test_a_number_is_shown_in_full_where_it_can_be() -> None:
    assert Number("+492115551001", "5551001").shown == "+492115551001"
    assert Number(None, "1001").shown == "1001"


def test_spellings_of_the_own_number() -> None:
    assert spellings("1001", DUESSELDORF) == {"1001"}
    assert spellings("+492115551001", DUESSELDORF) == {
        "492115551001", "00492115551001", "2115551001", "02115551001", "5551001",
    }  # fmt: skip
    assert spellings("+31201234567", DUESSELDORF) == {"31201234567", "0031201234567"}


@pytest.mark.parametrize(
    ("country", "area"), [("", "211"), ("049", "211"), ("999", ""), ("+49", "211"), ("49", "02 11"), ("٤٩", "")]
)
def test_a_dial_plan_that_cannot_work_is_refused(country: str, area: str) -> None:
    with pytest.raises(ValueError, match="code"):
        DialPlan(country, area)
