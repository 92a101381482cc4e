"""Every message of RFC 4475, with the outcome the RFC asks of an endpoint, or the one we choose where it leaves one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.sip.errors import ParseError
from ivr.sip.message import VIAS_MAX, Request, Response, parse
from ivr.sip.uri import Uri, decoded

MESSAGES = Path(__file__).parents[2] / "data" / "rfc4475"


@dataclass(frozen=True)
class Refused:
    status: int
    answered: bool = True


# Section of the RFC, and what becomes of the message: "accepted", or the refusal.
OUTCOMES: dict[str, tuple[str, str | Refused]] = {
    "wsinv": ("3.1.1.1", "accepted"),
    "intmeth": ("3.1.1.2", "accepted"),
    "esc01": ("3.1.1.3", "accepted"),
    "escnull": ("3.1.1.4", "accepted"),
    "esc02": ("3.1.1.5", "accepted"),
    "lwsdisp": ("3.1.1.6", "accepted"),
    # Well formed, but its 34 Vias are over our bound of 16; the rest of it is read in a test below.
    "longreq": ("3.1.1.7", Refused(400)),
    "dblreq": ("3.1.1.8", "accepted"),
    "semiuri": ("3.1.1.9", "accepted"),
    "transports": ("3.1.1.10", "accepted"),
    "mpart01": ("3.1.1.11", "accepted"),
    "unreason": ("3.1.1.12", "accepted"),
    "noreason": ("3.1.1.13", "accepted"),
    "badinv01": ("3.1.2.1", Refused(400)),
    "clerr": ("3.1.2.2", Refused(400)),
    "ncl": ("3.1.2.3", Refused(400)),
    "scalar02": ("3.1.2.4", Refused(400)),
    "scalarlg": ("3.1.2.5", Refused(400, answered=False)),
    "quotbal": ("3.1.2.6", Refused(400)),
    "ltgtruri": ("3.1.2.7", Refused(400)),
    "lwsruri": ("3.1.2.8", Refused(400)),
    # Liberal: extra spaces in the request line do no harm.
    "lwsstart": ("3.1.2.9", "accepted"),
    "trws": ("3.1.2.10", "accepted"),
    # Liberal: an endpoint has no use for headers in a Request-URI, and leaves them there.
    "escruri": ("3.1.2.11", "accepted"),
    # We read no Date.
    "baddate": ("3.1.2.12", "accepted"),
    "regbadct": ("3.1.2.13", Refused(400)),
    # Liberal: phones do put spaces there, and unquoted commas into names.
    "badaspec": ("3.1.2.14", "accepted"),
    "baddn": ("3.1.2.15", "accepted"),
    "badvers": ("3.1.2.16", Refused(505)),
    "mismatch01": ("3.1.2.17", Refused(400)),
    "mismatch02": ("3.1.2.18", Refused(400)),
    "bigcode": ("3.1.2.19", Refused(400, answered=False)),
    # Read as RFC 2543 would: the transaction layer must not match by this branch alone.
    "badbranch": ("3.2.1", "accepted"),
    "insuf": ("3.3.1", Refused(400)),
    "unkscm": ("3.3.2", Refused(416)),
    "novelsc": ("3.3.3", Refused(416)),
    "unksm2": ("3.3.4", "accepted"),
    "bext01": ("3.3.5", "accepted"),
    "invut": ("3.3.6", "accepted"),
    "regaut01": ("3.3.7", "accepted"),
    "multi01": ("3.3.8", Refused(400)),
    "mcl01": ("3.3.9", Refused(400)),
    "bcast": ("3.3.10", "accepted"),
    "zeromf": ("3.3.11", "accepted"),
    "cparam01": ("3.3.12", "accepted"),
    "cparam02": ("3.3.13", "accepted"),
    "regescrt": ("3.3.14", "accepted"),
    "sdp01": ("3.3.15", "accepted"),
    "inv2543": ("3.4.1", "accepted"),
}
ACCEPTED = [name for name, (_, outcome) in OUTCOMES.items() if outcome == "accepted"]
REFUSED = [(name, outcome) for name, (_, outcome) in OUTCOMES.items() if isinstance(outcome, Refused)]


def wire(name: str) -> bytes:
    return (MESSAGES / f"{name}.dat").read_bytes()


def request(name: str) -> Request:
    message = parse(wire(name))
    assert isinstance(message, Request)
    return message


def response(name: str) -> Response:
    message = parse(wire(name))
    assert isinstance(message, Response)
    return message


def test_every_message_of_the_archive_has_an_outcome() -> None:
    assert {path.stem for path in MESSAGES.glob("*.dat")} == set(OUTCOMES)
    assert len(OUTCOMES) == 49


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_messages_survive_being_written_and_read_again(name: str) -> None:
    message = parse(wire(name))
    assert parse(message.to_bytes()) == message


@pytest.mark.parametrize(("name", "outcome"), REFUSED)
def test_refused_messages_are_answered_where_a_request_can_be(name: str, outcome: Refused) -> None:
    with pytest.raises(ParseError) as caught:
        parse(wire(name))
    error = caught.value
    assert error.status == outcome.status
    assert (error.answerable is not None) is outcome.answered
    if error.answerable is not None:
        assert error.answerable.status == outcome.status
        assert error.answerable.headers.lines("Via")


def test_wsinv_white_space_is_read_through() -> None:
    invite = request("wsinv")
    assert invite.uri == Uri.parse("sip:vivekg@chair-dnrc.example.com;unknownparam")
    assert invite.to.tag == "1918181833n"
    assert invite.from_.display == 'J Rosenberg \\"'
    assert invite.from_.tag == "98asjd8"
    assert invite.max_forwards == 68
    assert (invite.cseq.number, invite.cseq.method) == (9, "INVITE")
    assert invite.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert invite.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    hops = invite.headers.all("Via")
    assert len(hops) == 3
    assert (invite.via.transport, invite.via.host, invite.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert invite.contact[0].display == 'Quoted string ""'
    assert invite.contact[0].params["newparam"] == "newvalue"
    assert invite.contact[0].params["q"] == "0.33"
    assert len(invite.body) == 150


def test_intmeth_uses_every_character_there_is() -> None:
    odd = request("intmeth")
    assert odd.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert odd.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert odd.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert odd.uri.host == "example.com"
    assert odd.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert odd.from_.display == "token1~` token2'+_ token3*%!.-"
    assert odd.from_.tag == "_token~1'+`*%!-."
    assert odd.from_.params["fromParam''~+*_!.-%"] == "работающий"
    assert odd.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert odd.max_forwards == 255


def test_esc01_percent_is_an_escape_in_uris() -> None:
    invite = request("esc01")
    assert invite.uri.user == "sips%3Auser%40example.com"
    assert decoded(invite.uri.user or "") == "sips:user@example.com"
    assert invite.to.uri.equivalent(Uri.parse("sip:user@example.com"))
    assert decoded(invite.from_.uri.user or "") == "I have spaces"
    assert dict(invite.contact[0].uri.params) == {"%6C%72": None, "n%61me": "v%61lue%25%34%31"}


def test_escnull_keeps_two_different_contacts() -> None:
    register = request("escnull")
    first, second = register.contact
    assert decoded(first.uri.user or "") == "\0"
    assert decoded(second.uri.user or "") == "\0\0"
    assert not first.uri.equivalent(second.uri)


def test_esc02_percent_is_no_escape_elsewhere() -> None:
    odd = request("esc02")
    assert odd.method == "RE%47IST%45R"
    assert odd.to.display == "%Z%45"
    assert [str(contact.uri) for contact in odd.contact] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]


def test_lwsdisp_needs_no_space_before_the_bracket() -> None:
    assert request("lwsdisp").from_.display == "caller"


def test_longreq_is_read_but_for_the_number_of_its_vias() -> None:
    head, _, body = wire("longreq").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    vias = [line for line in lines if line.split(b":")[0].strip().lower() in {b"v", b"via"}]
    assert len(vias) > VIAS_MAX
    kept = [line for line in lines if line not in vias[: len(vias) - VIAS_MAX]]
    invite = parse(b"\r\n".join(kept) + b"\r\n\r\n" + body)
    assert len(invite.headers.all("Via")) == VIAS_MAX
    assert invite.to.display.startswith("I have a user name of extremeextreme")
    assert len(invite.call_id) > 100
    assert invite.from_.tag is not None
    assert len(invite.from_.tag) > 100


def test_dblreq_octets_behind_the_body_are_noise() -> None:
    register = request("dblreq")
    assert register.method == "REGISTER"
    assert register.body == b""
    assert b"INVITE" not in register.to_bytes()


def test_semiuri_keeps_the_semicolon_in_the_user() -> None:
    options = request("semiuri")
    assert options.uri.user == "user;par=u%40example.net"
    assert not options.uri.params
    assert len(options.headers.all("Accept")) == 6


def test_transports_may_be_unknown() -> None:
    assert [text.split()[0] for text in request("transports").headers.all("Via")] == [
        "SIP/2.0/UDP",
        "SIP/2.0/SCTP",
        "SIP/2.0/TLS",
        "SIP/2.0/UNKNOWN",
        "SIP/2.0/TCP",
    ]


def test_mpart01_binary_bodies_are_left_alone() -> None:
    message = request("mpart01")
    assert len(message.body) == 553
    assert b"\0" in message.body
    assert message.content_type == "multipart/mixed"


def test_unreason_and_noreason_phrases() -> None:
    assert response("unreason").reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert response("noreason").reason == ""
    assert response("noreason").status == 100


def test_insuf_is_answered_with_what_there_is() -> None:
    with pytest.raises(ParseError) as caught:
        parse(wire("insuf"))
    answer = caught.value.answerable
    assert answer is not None
    assert answer.reason == "Missing From"
    assert answer.cseq.method == "INVITE"
    assert "From" not in answer.headers


def test_multi01_is_answered_with_one_value_each() -> None:
    with pytest.raises(ParseError) as caught:
        parse(wire("multi01"))
    answer = caught.value.answerable
    assert answer is not None
    assert parse(answer.to_bytes()) == answer


def test_scalar02_would_be_taken_but_for_its_cseq() -> None:
    register = parse(wire("scalar02").replace(b"36893488147419103232", b"4294967295"))
    assert register.cseq.number == 4294967295
    assert register.max_forwards is None
    assert register.expires is None


def test_unksm2_holds_schemes_we_only_carry() -> None:
    register = request("unksm2")
    assert str(register.to.uri) == "isbn:2983792873"
    assert register.from_.uri.scheme == "http"
    assert str(register.contact[0].uri) == "name:John_Smith"


def test_bext01_names_its_extensions() -> None:
    assert request("bext01").headers.all("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def test_cparam01_and_02_know_whose_parameter_it_is() -> None:
    of_header, of_uri = request("cparam01").contact[0], request("cparam02").contact[0]
    assert ("unknownparam" in of_header.params, "unknownparam" in of_header.uri.params) == (True, False)
    assert ("unknownparam" in of_uri.params, "unknownparam" in of_uri.uri.params) == (False, True)


def test_regescrt_keeps_the_escaped_route_of_a_contact() -> None:
    assert request("regescrt").contact[0].uri.headers == "Route=%3Csip:sip.example.com%3E"


def test_zeromf_is_a_legal_request() -> None:
    assert request("zeromf").max_forwards == 0


def test_inv2543_has_no_branch_and_no_length() -> None:
    invite = request("inv2543")
    assert invite.via.branch is None
    assert invite.from_.tag is None
    assert len(invite.body) == 105
