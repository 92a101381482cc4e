"""Which PINs are accepted."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebox.passcode import PIN_MAX_DIGITS, PIN_MIN_DIGITS, PinProblem, check, generate

PRODUCT = {PinProblem.NOT_DIGITS, PinProblem.TOO_SHORT, PinProblem.TOO_LONG, PinProblem.RUN}
PINS = st.text(alphabet="0123456789", min_size=PIN_MIN_DIGITS, max_size=PIN_MAX_DIGITS)


@pytest.mark.parametrize("pin", ["123567", "987123", "135790", "274913", "012901", "321789", "13579" * 6])
def test_a_run_of_three_is_accepted(pin: str) -> None:
    assert check(pin, hardened=False) == []


@pytest.mark.parametrize(
    ("pin", "problems"),
    [
        ("123456", [PinProblem.RUN]),
        ("123485", [PinProblem.RUN]),
        ("976543", [PinProblem.RUN]),
        ("654321", [PinProblem.RUN]),
        ("594321", [PinProblem.RUN]),
        ("901234", [PinProblem.RUN]),
        ("12356", [PinProblem.TOO_SHORT]),
        ("1234", [PinProblem.TOO_SHORT]),
        ("", [PinProblem.NOT_DIGITS, PinProblem.TOO_SHORT]),
        ("13579013579013579013579013579013", [PinProblem.TOO_LONG]),
        ("12356a", [PinProblem.NOT_DIGITS]),
        ("１３５７９０", [PinProblem.NOT_DIGITS]),
        ("135790\n", [PinProblem.NOT_DIGITS]),
        ("-135790", [PinProblem.NOT_DIGITS]),
        ("112222", [PinProblem.EQUAL_DIGITS]),
        ("000017", [PinProblem.EQUAL_DIGITS]),
        ("111111", [PinProblem.EQUAL_DIGITS, PinProblem.REPEATED_BLOCK]),
        ("121212", [PinProblem.REPEATED_BLOCK]),
        ("123123", [PinProblem.REPEATED_BLOCK]),
        ("135790135790", [PinProblem.REPEATED_BLOCK]),
    ],
)
def test_refused_pins_say_why(pin: str, problems: list[PinProblem]) -> None:
    assert check(pin) == problems


@pytest.mark.parametrize("pin", ["1112223", "121213", "1231231", "909091"])
def test_what_only_resembles_a_refused_pin_passes(pin: str) -> None:
    assert check(pin) == []


@pytest.mark.parametrize("pin", ["890147", "478901", "741098", "109874"])
def test_nine_to_zero_is_no_run(pin: str) -> None:
    assert check(pin) == []


@pytest.mark.parametrize("pin", ["555100", "001555", "02115551001"])
def test_the_own_number_is_refused_both_ways(pin: str) -> None:
    assert check(pin, ["555100", "02115551001"]) == [PinProblem.OWN_NUMBER]


def test_an_earlier_pin_is_refused() -> None:
    assert check("274913", recent=True) == [PinProblem.RECENT]


def test_hardening_can_be_left_out() -> None:
    assert check("112222", ["112222"], recent=True, hardened=False) == []
    assert check("123456", hardened=False) == [PinProblem.RUN]


@given(st.lists(st.one_of(PINS, st.just("123567"), st.just("765321"))), st.booleans())
def test_the_documented_example_is_never_refused(own: list[str], recent: bool) -> None:
    assert check("123567", own, recent=recent) == []


def has_run(pin: str) -> bool:
    return any(pin[at : at + 4] in "0123456789" or pin[at : at + 4] in "9876543210" for at in range(len(pin) - 3))


@given(PINS)
@example("123567")
def test_a_pin_is_refused_for_a_run_exactly_if_it_has_one(pin: str) -> None:
    assert (PinProblem.RUN in check(pin, hardened=False)) == has_run(pin)


@given(PINS)
def test_hardening_refuses_exactly_what_it_says(pin: str) -> None:
    problems = check(pin)
    if has_run(pin):
        assert problems == [PinProblem.RUN]
        return
    assert (PinProblem.EQUAL_DIGITS in problems) == bool(re.search(r"(.)\1{3}", pin))
    assert (PinProblem.REPEATED_BLOCK in problems) == bool(re.fullmatch(r"(.+)\1+", pin))


@given(st.text(max_size=40), st.lists(st.text(max_size=8)))
def test_any_text_is_judged(pin: str, own: list[str]) -> None:
    if not check(pin, own):
        assert re.fullmatch("[0-9]{6,30}", pin)


@given(st.integers(PIN_MIN_DIGITS, PIN_MAX_DIGITS))
def test_a_generated_pin_passes(length: int) -> None:
    pin = generate(length)
    assert len(pin) == length
    assert check(pin) == []


def test_generated_pins_are_spread_over_all_digits() -> None:
    pins = [generate() for _ in range(400)]
    assert len(set(pins)) > 390
    for place in range(6):
        assert {pin[place] for pin in pins} == set("0123456789")


@pytest.mark.parametrize("length", [5, 31, 0, -1])
def test_no_pin_of_a_refused_length_is_generated(length: int) -> None:
    with pytest.raises(ValueError, match="6 to 30"):
        generate(length)
