"""What may be dialled out: the rules as a table, and what holds for every number."""

from dataclasses import replace

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox
from voicebox.numbers import EMERGENCY_ANYWHERE
from voicebox.outbound import Dial, Owner, Refusal, Refused, Usage, permit
from voicebox.settings.outbound import Outbound

BEISPIEL = Company(1, "Beispiel GmbH", Language.DE, "Europe/Berlin", "49", "211")
LONDON = Company(2, "Example Ltd", Language.EN, "Europe/London", "44", "20")
ANNA = Mailbox(1, 1, "1001", "+492115551001", "Anna", Language.DE, "Europe/Berlin")
BERT = Mailbox(2, 1, "1002", "+492115551002", "Bert", Language.DE, "Europe/Berlin")
OPEN = Outbound(peer="pbx", extensions=True, allow=("+4", "+1", "+3", "+8", "+9"))
HOME = Outbound(peer="pbx", extensions=True, allow=("+49",))
NOTHING = Usage()


def ask(
    number: str,
    *,
    settings: Outbound = OPEN,
    owner: Owner | None = None,
    usage: Usage = NOTHING,
    company: Company = BEISPIEL,
) -> Dial | Refused:
    return permit(company, ANNA, number, settings, owner=owner, usage=usage)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("110", Refusal.EMERGENCY),
        ("112", Refusal.EMERGENCY),
        ("911", Refusal.EMERGENCY),
        ("999", Refusal.EMERGENCY),
        ("19222", Refusal.EMERGENCY),
        ("116117", Refusal.EMERGENCY),
        ("11012", Refusal.EMERGENCY),
        ("+49110", Refusal.EMERGENCY),
        ("+49112", Refusal.EMERGENCY),
        ("+4919222", Refusal.EMERGENCY),
        ("+49116117", Refusal.EMERGENCY),
        ("+44999", Refusal.EMERGENCY),
        ("+43144", Refusal.EMERGENCY),
        ("+1911", Refusal.EMERGENCY),
        ("+499001234567", Refusal.PREMIUM),
        ("+491901234567", Refusal.PREMIUM),
        ("+491371234567", Refusal.PREMIUM),
        ("+4918012345", Refusal.PREMIUM),
        ("+49181123456", Refusal.PREMIUM),
        ("+4970012345678", Refusal.PREMIUM),
        ("+4911833", Refusal.PREMIUM),
        ("11833", Refusal.PREMIUM),
        ("115", Refusal.PREMIUM),
        ("+19005551234", Refusal.PREMIUM),
        ("+447012345678", Refusal.PREMIUM),
        ("+448711234567", Refusal.PREMIUM),
        ("+43900123456", Refusal.PREMIUM),
        ("+33892123456", Refusal.PREMIUM),
        ("+97912345678", Refusal.PREMIUM),
        ("+490900123456", Refusal.NOT_A_NUMBER),
        ("+430900123456", Refusal.NOT_A_NUMBER),
        ("+49", Refusal.NOT_A_NUMBER),
        ("", Refusal.NOT_A_NUMBER),
        ("0", Refusal.NOT_A_NUMBER),
        ("02115559999", Refusal.NOT_A_NUMBER),
        ("+4921155599991;ext=5", Refusal.NOT_A_NUMBER),
        ("1099@evil.example", Refusal.NOT_A_NUMBER),
        ("1099\r\nVia: x", Refusal.NOT_A_NUMBER),
        ("١٠٩٩", Refusal.NOT_A_NUMBER),
        ("1001", Refusal.OWN_NUMBER),
        ("+492115551001", Refusal.OWN_NUMBER),
        ("+999123456789", Refusal.NOT_A_NUMBER),
    ],
)
def test_what_no_setting_allows(number: str, why: Refusal) -> None:
    assert ask(number) == Refused(why)


@pytest.mark.parametrize(
    "number", ["+492115559999", "+4930123456", "+491701234567", "+498001234567", "+442079460000", "+443001234567"]
)
def test_usual_numbers_are_dialled_as_they_were_checked(number: str) -> None:
    assert ask(number) == Dial(number, internal=False)


def test_a_countrys_own_emergency_numbers_are_refused_to_its_companies() -> None:
    assert ask("144", company=Company(3, "Muster AG", Language.DE, "Europe/Zurich", "41", "44")) == Refused(
        Refusal.EMERGENCY
    )
    assert ask("144") == Dial("144")


def test_security_row_25_an_own_alias_is_an_own_number() -> None:
    assert ask("+491701234567", owner=Owner(ANNA, alias=True)) == Refused(Refusal.OWN_NUMBER)


def test_a_colleague_is_always_reached_by_either_number() -> None:
    spent = Usage(seconds_today=10**6, calls=10**3)
    for number in ("1002", "+492115551002"):
        found = ask(number, settings=Outbound(), owner=Owner(BERT), usage=spent)
        assert found == Dial("1002", BERT)
        assert isinstance(found, Dial)
        assert found.internal


def test_a_colleague_whose_extension_begins_as_an_emergency_number_is_reached() -> None:
    carla = Mailbox(3, 1, "1101", None, "Carla", Language.DE, "Europe/Berlin")
    assert ask("1101", owner=Owner(carla)) == Dial("1101", carla)
    assert ask("110", owner=Owner(Mailbox(4, 1, "110", None, "D", Language.DE, "Europe/Berlin"))) == Refused(
        Refusal.EMERGENCY
    )


def test_a_colleagues_alias_is_a_call_outside() -> None:
    mobile = Owner(BERT, alias=True)
    assert ask("+491711234567", settings=HOME, owner=mobile) == Dial("+491711234567", internal=False)
    assert ask("+491711234567", settings=Outbound(peer="pbx", extensions=True), owner=mobile) == Refused(
        Refusal.NOT_ALLOWED
    )
    assert ask("+491711234567", settings=Outbound(), owner=mobile) == Refused(Refusal.NO_PEER)


def test_an_extension_without_a_mailbox_is_the_exchanges() -> None:
    found = ask("1099", settings=Outbound(peer="pbx", extensions=True), usage=Usage(10**6, 10**3))
    assert found == Dial("1099")
    assert isinstance(found, Dial)
    assert found.internal
    assert ask("9") == Dial("9")
    assert ask("1099", settings=Outbound()) == Refused(Refusal.NO_PEER)


def test_security_row_3_only_listed_prefixes_are_dialled_and_no_list_is_internal_only() -> None:
    assert ask("+442079460000", settings=HOME) == Refused(Refusal.NOT_ALLOWED)
    assert ask("+492115559999", settings=Outbound(peer="pbx", extensions=True)) == Refused(Refusal.NOT_ALLOWED)
    assert ask("+492115559999", settings=Outbound(peer="pbx", extensions=True, allow=("+49211",))) == Dial(
        "+492115559999", internal=False
    )


def test_security_row_3_calls_in_progress_and_the_days_budget_are_limits() -> None:
    number = "+492115559999"
    assert ask(number, usage=Usage(calls=10)) == Refused(Refusal.TOO_MANY_CALLS)
    assert isinstance(ask(number, usage=Usage(calls=9)), Dial)
    assert ask(number, usage=Usage(seconds_today=36_000)) == Refused(Refusal.BUDGET_SPENT)
    assert ask(number, usage=Usage(seconds_today=35_999)) == Dial(number, internal=False)
    assert ask(number, settings=Outbound(peer="pbx", extensions=True, allow=("+49",), daily_budget_min=0)) == Refused(
        Refusal.BUDGET_SPENT
    )


NUMBERS = st.one_of(
    st.from_regex(r"\+?[0-9]{1,17}", fullmatch=True),
    st.sampled_from(sorted(EMERGENCY_ANYWHERE)),
    st.builds(
        "+{}{}".format,
        st.sampled_from(["49", "44", "1", "43", "41", "33"]),
        st.from_regex(r"[0-9]{3,12}", fullmatch=True),
    ),
    st.text(max_size=20),
)
OWNERS = st.sampled_from([None, Owner(ANNA), Owner(ANNA, alias=True), Owner(BERT), Owner(BERT, alias=True)])
SETTINGS = st.builds(
    Outbound,
    peer=st.sampled_from([None, "pbx"]),
    allow=st.sampled_from([(), ("+49",), ("+4", "+1", "+3")]),
    max_calls=st.integers(0, 3),
    daily_budget_min=st.integers(0, 3),
)
USAGES = st.builds(Usage, st.integers(0, 240), st.integers(0, 4))


@given(NUMBERS, SETTINGS, OWNERS, USAGES, st.sampled_from([BEISPIEL, LONDON]))
def test_security_row_8_whatever_is_dialled_is_a_plain_number_within_every_limit(
    number: str, settings: Outbound, owner: Owner | None, usage: Usage, company: Company
) -> None:
    found = permit(company, ANNA, number, settings, owner=owner, usage=usage)
    if isinstance(found, Refused):
        return
    assert number.removeprefix("+").isascii()
    assert number.removeprefix("+").isdigit()
    assert number not in EMERGENCY_ANYWHERE
    assert number not in {ANNA.number, ANNA.phone}
    assert owner is None or owner.mailbox != ANNA
    if found.mailbox is not None:
        assert (found.number, found.internal) == (BERT.number, True)
        return
    assert found.number == number
    assert settings.peer is not None
    if number.startswith("+"):
        assert number.startswith(settings.allow)
        assert usage.calls < settings.max_calls
        assert not found.internal
        assert usage.seconds_today < settings.daily_budget_min * 60
        kind = phonenumbers.number_type(phonenumbers.parse(number))
        assert kind not in {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER}
        assert not number.startswith(("+49900", "+49190", "+49137", "+49180", "+49118"))
    else:
        assert found.internal
        assert len(number) <= 5


@given(NUMBERS, SETTINGS, OWNERS, USAGES)
def test_more_use_never_allows_more(number: str, settings: Outbound, owner: Owner | None, usage: Usage) -> None:
    now = permit(BEISPIEL, ANNA, number, settings, owner=owner, usage=usage)
    later = permit(
        BEISPIEL, ANNA, number, settings, owner=owner, usage=Usage(usage.seconds_today + 60, usage.calls + 1)
    )
    assert isinstance(later, Refused) or isinstance(now, Dial)


@pytest.mark.parametrize("number", ["1", "1099", "12345", "22833"])
def test_security_row_3_a_trunk_has_no_extensions(number: str) -> None:
    """What it takes for one is a local number, whose minutes nobody would count."""
    trunk = OPEN.model_copy(update={"extensions": False})
    assert ask(number, settings=trunk) == Refused(Refusal.NOT_ALLOWED)
    assert isinstance(ask(number, settings=trunk, owner=Owner(replace(BERT, number=number))), Dial)
