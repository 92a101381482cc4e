"""Who called, and what of it may be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.headers import Headers
from ivr.sip.identity import Identity, caller_of, clean_name
from ivr.sip.message import Request
from ivr.sip.uri import Uri
from voicebox.message import Caller

FROM = '"Alice" <sip:+4921112345@pbx>;tag=1'
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
WITHHELD = Caller(number=None, name="", withheld=True)


def caller(*headers: tuple[str, str], sender: str = FROM, identity: Identity = "pai", trusted: bool = True) -> Caller:
    given_headers = Headers([("From", sender), *headers])
    request = Request("INVITE", Uri.parse("sip:900@vb"), given_headers)
    return caller_of(request, identity=identity, trusted=trusted)


PAI = ("P-Asserted-Identity", '"Alice A." <sip:+49211999@trunk>')
RPID = ("Remote-Party-ID", '"Alice R." <sip:+49211888@trunk>;party=calling;screen=yes')


def test_each_peer_has_the_header_it_keeps_honest() -> None:
    assert caller(PAI, RPID, identity="pai") == Caller("+49211999", "Alice A.")
    assert caller(PAI, RPID, identity="rpid") == Caller("+49211888", "Alice R.")
    assert caller(PAI, RPID, identity="from") == Caller("+4921112345", "Alice")


@pytest.mark.parametrize("identity", ["pai", "rpid"])
def test_strangers_assert_nothing(identity: Identity) -> None:
    assert caller(PAI, RPID, identity=identity, trusted=False) == Caller("+4921112345", "Alice")


@pytest.mark.parametrize("identity", ["pai", "rpid"])
def test_without_the_header_from_is_read(identity: Identity) -> None:
    assert caller(identity=identity) == Caller("+4921112345", "Alice")


def test_of_two_asserted_identities_the_number_is_taken() -> None:
    both = ("P-Asserted-Identity", '"Alice" <sip:alice@trunk>, <tel:+49-211-999>')
    assert caller(both).number == "+49-211-999"
    repeated = [("P-Asserted-Identity", "<sip:alice@trunk>"), ("P-Asserted-Identity", "<sip:1001@trunk>")]
    assert caller(*repeated).number == "1001"
    assert caller(("P-Asserted-Identity", "<sip:alice@trunk>")).number == "alice"


def test_the_user_part_stays_raw() -> None:
    pai = ("P-Asserted-Identity", "<sip:%2B49211;cpc=ordinary@trunk;user=phone>")
    assert caller(pai).number == "%2B49211;cpc=ordinary"


def test_a_name_in_from_serves_when_the_number_is_the_same() -> None:
    assert caller(("P-Asserted-Identity", "<sip:+4921112345@trunk>")).name == "Alice"
    assert caller(("P-Asserted-Identity", "<sip:+49000@trunk>")).name == ""


@pytest.mark.parametrize("wish", ["id", "ID", "user", "header", "id;critical", "critical; id", "none, id"])
def test_privacy_withholds_the_asserted_number_too(wish: str) -> None:
    assert caller(PAI, ("Privacy", wish)) == WITHHELD
    assert caller(PAI, ("Privacy", wish), trusted=False) == WITHHELD


@pytest.mark.parametrize("wish", ["none", "session", "critical", "history", ""])
def test_other_wishes_withhold_nothing(wish: str) -> None:
    assert caller(PAI, ("Privacy", wish)).number == "+49211999"


@pytest.mark.parametrize(
    "sender",
    [
        ANONYMOUS,
        "<sip:anonymous@pbx.example>;tag=1",
        "sip:Anonymous@10.0.0.1;tag=1",
        "<sip:thisis@anonymous.invalid>;tag=1",
        "<sip:restricted@gw>;tag=1",
    ],
)
def test_an_anonymous_from_withholds_even_without_a_privacy_header(sender: str) -> None:
    assert caller(PAI, sender=sender) == WITHHELD


def test_an_anonymous_asserted_identity_withholds() -> None:
    assert caller(("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>")) == WITHHELD


@pytest.mark.parametrize(("privacy", "withheld"), [("full", True), ("uri", True), ("off", False), ("name", False)])
def test_remote_party_ids_own_privacy(privacy: str, *, withheld: bool) -> None:
    found = caller((RPID[0], f"{RPID[1]};privacy={privacy}"), identity="rpid")
    assert found.withheld is withheld
    assert (found.name == "") is (privacy != "off")


def test_a_remote_party_id_of_the_called_party_is_not_the_caller() -> None:
    called = (RPID[0], "<sip:900@vb>;party=called")
    assert caller(called, RPID, identity="rpid").number == "+49211888"
    assert caller(called, identity="rpid").number == "+4921112345"


@pytest.mark.parametrize("sender", ["<sip:unavailable@unknown.invalid>;tag=1", "<sip:pbx.example>;tag=1"])
def test_an_unknown_number_is_absent_not_withheld(sender: str) -> None:
    assert caller(sender=sender) == Caller(None)


def test_a_broken_identity_is_passed_over() -> None:
    assert caller(("P-Asserted-Identity", '"Alice <sip:1@h>')).number == "+4921112345"
    assert caller(("P-Asserted-Identity", "x, <tel:+49211999>")).number == "+49211999"


@pytest.mark.parametrize(
    ("display", "name"),
    [
        ("Jörg Müller", "Jörg Müller"),
        ("  two   spaces ", "two spaces"),
        ("a\tb\x00c\x1b[31m\x7f", "a b c [31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero width"),
        ("line\u2028end", "line end"),
        ("x" * 100, "x" * 80),
        ("M\udcfcller", "Müller"),
        ("\udc81", ""),
        ("'; rm -rf / #", "'; rm -rf / #"),
    ],
)
def test_names_are_fit_to_be_shown(display: str, name: str) -> None:
    assert clean_name(display) == name


@given(st.binary(max_size=200))
def test_any_name_becomes_harmless(raw: bytes) -> None:
    name = clean_name(raw.decode("utf-8", "surrogateescape"))
    assert len(name) <= 80
    assert name.isprintable()
    name.encode()
