"""Messages: read from the wire, written to it, answered; leniency and bounds."""

import time
import timeit
from collections.abc import Callable

import pytest
import sipmessage

from ivr.sip.errors import ParseError
from ivr.sip.headers import Headers
from ivr.sip.message import CONTACTS_MAX, MESSAGE_MAX_BYTES, Request, Response, parse, response_to
from ivr.sip.status import reason_phrase
from ivr.sip.uri import Uri

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"


def wire(body: bytes = SDP, /, **changes: str | None) -> bytes:
    """An INVITE with some headers changed, or left out by None; `start` is its start line."""
    headers = {
        "start": "INVITE sip:1001@192.0.2.4:5060;transport=udp SIP/2.0",
        "Via": "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport",
        "Max-Forwards": "70",
        "To": '"Bob, der" <sip:bob@biloxi.example.com>',
        "From": "Alice <sip:+4921112345@atlanta.example.com;user=phone>;tag=1928301774",
        "Call-ID": "a84b4c76e66710@pc33.atlanta.example.com",
        "CSeq": "314159 INVITE",
        "Contact": "<sip:alice@pc33.atlanta.example.com;transport=tcp>",
        "Record-Route": "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
        "Allow": "INVITE, ACK, CANCEL, BYE, OPTIONS",
        "Supported": "100rel, timer",
        "User-Agent": "Phone/1.0",
        "Timestamp": "54.21",
        "Content-Type": "Application/SDP;charset=utf-8",
        "Content-Length": str(len(body)),
    }
    for name, value in changes.items():
        key = name.replace("_", "-")
        if value is None:
            del headers[key]
        else:
            headers[key] = value
    start = headers.pop("start")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{start}\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


def invite(**changes: str | None) -> Request:
    message = parse(wire(**changes))
    assert isinstance(message, Request)
    return message


def refusal(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value


def test_the_parts_of_a_request() -> None:
    request = invite()
    assert request.method == "INVITE"
    assert request.uri == Uri.parse("sip:1001@192.0.2.4:5060;transport=udp")
    assert request.via.branch == "z9hG4bK776asdhds"
    assert request.from_.tag == "1928301774"
    assert request.to.display == "Bob, der"
    assert request.call_id == "a84b4c76e66710@pc33.atlanta.example.com"
    assert (request.cseq.number, request.cseq.method) == (314159, "INVITE")
    assert [contact.uri.host for contact in request.contact] == ["pc33.atlanta.example.com"]
    assert request.max_forwards == 70
    assert request.content_type == "application/sdp"
    assert request.expires is None
    assert request.body == SDP


def test_what_was_read_is_written_and_read_the_same() -> None:
    request = invite()
    assert parse(request.to_bytes()) == request
    assert bytes(request) == request.to_bytes()


def test_the_independent_parser_reads_what_we_write() -> None:
    ours = invite()
    theirs = sipmessage.Message.parse(ours.to_bytes())
    assert isinstance(theirs, sipmessage.Request)
    assert theirs.method == "INVITE"
    assert str(theirs.uri) == str(ours.uri)
    assert theirs.call_id == ours.call_id
    assert theirs.from_address.name == ours.from_.display
    assert str(theirs.from_address.uri) == str(ours.from_.uri)
    assert theirs.to_address.name == "Bob, der"
    assert [str(via) for via in theirs.via] == [str(ours.via)]
    assert theirs.body == SDP
    answer = sipmessage.Message.parse(response_to(ours, 200, to_tag="ours").to_bytes())
    assert isinstance(answer, sipmessage.Response)
    assert (answer.code, answer.phrase) == (200, "OK")
    assert len(answer.record_route) == 2


def test_readings_follow_the_headers() -> None:
    request = invite()
    tags = [request.to.tag]
    request.headers.set("To", "<sip:bob@b>;tag=new")
    assert [*tags, request.to.tag] == [None, "new"]
    request.headers.remove("Expires")
    request.headers.add("Expires", "60")
    assert request.expires == 60


def test_a_message_built_by_hand_says_what_it_lacks() -> None:
    bare = Request("OPTIONS", Uri.parse("sip:h"), Headers())
    for read in (lambda: bare.via, lambda: bare.from_, lambda: bare.to, lambda: bare.call_id, lambda: bare.cseq):
        with pytest.raises(ParseError, match="Missing"):
            read()
    assert bare.contact == []


def test_content_length_is_counted_when_written() -> None:
    request = invite()
    assert "Content-Length" not in request.headers
    request.headers.add("Content-Length", "9999")
    request.body = b"abc"
    assert request.to_bytes().endswith(b"Content-Length: 3\r\n\r\nabc")
    assert request.to_bytes().count(b"Content-Length") == 1


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: b"\r\n\r\n" + data,
        lambda data: data.replace(b"\r\nVia: ", b"\r\nv : ").replace(b"SIP/2.0/UDP", b"sip/2.0/udp"),
        lambda data: data.replace(b"From: ", b"F:\r\n\t").replace(b"Call-ID:", b"CALL-id   :"),
        lambda data: data.replace(b"CSeq: 314159 INVITE", b"cseq: 314159\r\n   INVITE"),
        lambda data: data.replace(b"SIP/2.0\r\nVia", b"sip/2.0\r\nVia"),
        lambda data: data.replace(b"Content-Length", b"l"),
        lambda data: data + b"noise behind the body",
    ],
    ids=["lf", "blank lines", "compact, spaced, low", "folded", "folded cseq", "version", "short length", "trailing"],
)
def test_sloppy_senders_are_understood(rewrite: Callable[[bytes], bytes]) -> None:
    body = SDP.replace(b"\r\n", b"\n") if rewrite(b"\r\n") == b"\n" else SDP
    sloppy = parse(rewrite(wire(body)))
    strict = invite()
    assert isinstance(sloppy, Request)
    assert sloppy.body == body
    for name in ("uri", "via", "from_", "to", "call_id", "cseq", "contact"):
        assert getattr(sloppy, name) == getattr(strict, name)


def test_several_vias_on_a_line_come_apart() -> None:
    request = invite(Via="SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/TCP b;branch=z9hG4bK2")
    assert request.via.host == "a"
    assert request.headers.lines("Via") == ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/TCP b;branch=z9hG4bK2"]


def test_bytes_that_are_no_utf8_leave_as_they_came() -> None:
    data = wire().replace(b"Alice", b'"M\xfcller"').replace(b"Phone/1.0", b"\xff\xfe")
    request = parse(data)
    assert b'From: "M\xfcller" <sip:' in request.to_bytes()
    assert b"User-Agent: \xff\xfe\r\n" in request.to_bytes()
    assert parse(request.to_bytes()) == request


def test_unknown_headers_and_methods_are_kept() -> None:
    request = parse(wire(start="FROB sip:h SIP/2.0", CSeq="1 FROB", X_Odd="v"))
    assert isinstance(request, Request)
    assert request.method == "FROB"
    assert b"X-Odd: v\r\n" in request.to_bytes()


def test_a_datagram_without_the_last_blank_line_is_read() -> None:
    data = wire(b"", Content_Length=None, Content_Type=None)
    assert data.endswith(b"\r\n\r\n")
    assert parse(data[:-2]) == parse(data)
    assert refusal(data[:-5]).status == 400


def test_a_body_without_a_length_is_the_rest_of_the_datagram() -> None:
    assert invite(Content_Length=None).body == SDP


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call_ID", "CSeq"])
def test_a_missing_header_is_named_in_the_answer(name: str) -> None:
    error = refusal(wire(**{name: None}))
    assert error.status == 400
    assert error.detail == f"Missing {name.replace('_', '-')}"
    if name == "Via":
        assert error.answerable is None
    else:
        assert error.answerable is not None
        assert error.answerable.reason == error.detail


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"start": "INVITE sip:1001@h"}, 400),
        ({"start": "INVITE sip:1001@h HTTP/1.1"}, 400),
        ({"start": "INVITE sip:1001@h SIP/3.0"}, 505),
        ({"start": "INVITE mailto:a@b SIP/2.0"}, 416),
        ({"start": "INVITE 1001 SIP/2.0"}, 400),
        ({"start": "INVITE tel: SIP/2.0"}, 400),
        ({"CSeq": "1 BYE"}, 400),
        ({"CSeq": "x INVITE"}, 400),
        ({"Call-ID": ""}, 400),
        ({"From": "nobody"}, 400),
        ({"Contact": "*"}, 400),
        ({"Contact": "<sip:a@b"}, 400),
        ({"Contact": ", ".join(["<sip:a@b>"] * 33)}, 400),
        ({"Max-Forwards": "many"}, 400),
        ({"Content-Length": "x"}, 400),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "1000"}, 400),
        ({"Via": ", ".join(["SIP/2.0/UDP h;branch=z9hG4bK1"] * 17)}, 400),
        ({"No colon here": "\r\nbroken line"}, 400),
        ({"Bad name": "x"}, 400),
        ({"User-Agent": "a\rb"}, 400),
    ],
)
def test_malformed_requests_are_answered(changes: dict[str, str], status: int) -> None:
    error = refusal(wire(**changes))
    assert error.status == status
    assert error.answerable is not None
    # The refusal is itself a clean message.
    if {"CSeq", "Call-ID", "From", "Via"}.isdisjoint(changes):
        again = parse(error.answerable.to_bytes())
        assert isinstance(again, Response)
        assert again.status == status
        assert again.to.tag


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 200,
        b"hello",
        wire(start="ACK sip:1001@h SIP/2.0", CSeq="1 BYE"),
        wire(start="INV(TE sip:1001@h SIP/2.0"),
        wire(start="SIP/2.0 99 Low"),
        wire(start="SIP/2.0 700 High"),
        wire(start="SIP/2.0 abc"),
        wire(start="SIP/2.0"),
        wire(start="SIP/3.0 200 OK"),
        wire(start="SIP/2.0 200 OK", CSeq=None),
        wire(Via="SIP/2.0/UDP"),
    ],
)
def test_what_cannot_be_answered_is_dropped(data: bytes) -> None:
    assert refusal(data).answerable is None


def test_bounds() -> None:
    crowded = wire().replace(b"\r\n\r\n", b"\r\n" + b"X: 1\r\n" * 250 + b"\r\n", 1)
    assert refusal(crowded).detail == "Too many header fields"
    assert refusal(crowded).answerable is not None
    large = refusal(wire(b"x" * MESSAGE_MAX_BYTES))
    assert large.status == 513
    assert large.answerable is not None
    sixteen = invite(Via=", ".join(["SIP/2.0/UDP h;branch=z9hG4bK1"] * 16))
    assert len(sixteen.headers.all("Via")) == 16


def test_errors_do_not_quote_the_message() -> None:
    error = refusal(wire(From="sip:secret@@@ <", Authorization='Digest response="abc"'))
    assert "secret" not in str(error)
    assert "secret" not in repr(error)


@pytest.mark.parametrize(
    ("contact", "users"),
    [
        ("<sip:030 1@h>", []),
        ("*", []),
        ("<sip:a@b", []),
        ("<sip:@h>, <sip:1@h>;q=0.5, sip:2@h?Subject=x", ["1"]),
        (", ".join(f"<sip:{number}@h>" for number in range(40)), [str(number) for number in range(CONTACTS_MAX)]),
    ],
)
def test_no_response_is_lost_by_its_contact(contact: str, users: list[str]) -> None:
    response = response_to(invite(), 302)
    response.headers.set("Contact", contact)
    read = parse(response.to_bytes())
    assert [each.uri.user for each in read.contact] == users


def test_a_register_may_remove_all_its_contacts() -> None:
    request = invite(start="REGISTER sip:h SIP/2.0", CSeq="1 REGISTER", Contact="*", Expires="0")
    assert request.contact_is_star
    assert request.contact == []
    assert request.expires == 0


def test_the_parts_of_a_response() -> None:
    response = parse(wire(start="SIP/2.0 486  Busy  Here "))
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (486, "Busy  Here")
    assert response.cseq.method == "INVITE"
    assert parse(response.to_bytes()) == response


def test_a_response_copies_what_it_must() -> None:
    request = invite(Via="SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2")
    trying = response_to(request, 100)
    assert list(trying.headers) == [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
        ("Via", "SIP/2.0/UDP b;branch=z9hG4bK2"),
        ("From", request.headers.get("From")),
        ("To", request.headers.get("To")),
        ("Call-ID", request.call_id),
        ("CSeq", "314159 INVITE"),
        ("Timestamp", "54.21"),
    ]
    ok = response_to(request, 200, to_tag="ours")
    assert ok.to.tag == "ours"
    assert ok.reason == "OK"
    assert "Timestamp" not in ok.headers
    assert ok.headers.lines("Record-Route") == ["<sip:p1.example.com;lr>, <sip:p2.example.com;lr>"]
    busy = response_to(request, 486, "Out to lunch", to_tag="ours")
    assert busy.reason == "Out to lunch"
    assert "Record-Route" not in busy.headers


def test_a_dialogs_tag_is_never_replaced() -> None:
    request = invite(To="<sip:bob@b>;tag=theirs")
    assert response_to(request, 200, to_tag="ours").to.tag == "theirs"


def test_a_stateless_tag_is_the_same_for_every_copy() -> None:
    # RFC 3261 section 8.2.7
    first, copy, other = (response_to(invite(Call_ID=text), 404) for text in ("a", "a", "b"))
    assert first.to.tag == copy.to.tag
    assert first.to.tag != other.to.tag


def test_a_tag_fits_behind_a_bare_address() -> None:
    assert response_to(invite(To="sip:bob@b;x=1"), 200, to_tag="t").to.tag == "t"


def test_stamping_a_via_keeps_the_others() -> None:
    request = invite(Via="SIP/2.0/UDP a;branch=z9hG4bK1;rport, SIP/2.0/UDP b;branch=z9hG4bK2")
    request.stamp_via("192.0.2.7", 1234)
    assert request.headers.lines("Via") == [
        "SIP/2.0/UDP a;branch=z9hG4bK1;rport=1234;received=192.0.2.7",
        "SIP/2.0/UDP b;branch=z9hG4bK2",
    ]
    assert request.via.rport == 1234


def test_nothing_of_ours_can_break_a_line() -> None:
    with pytest.raises(ValueError, match="line break"):
        Response(200, "OK\r\nEvil: 1", Headers()).to_bytes()
    with pytest.raises(ValueError, match="token"):
        Request("IN VITE", Uri.parse("sip:h"), Headers()).to_bytes()


def test_reason_phrases() -> None:
    assert reason_phrase(488) == "Not Acceptable Here"
    assert reason_phrase(499) == "Request Failure"
    assert reason_phrase(999) == "Unknown"


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:h SIP/2.0\r\nSubject:" + b" " * 60_000 + b"x\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nSubject: x" + b"\r\n " * 20_000 + b"\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nContact: " + b"<" * 60_000 + b"\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nContact: " + b'"\\' * 30_000 + b"\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nVia: " + b"SIP/2.0/UDP h," * 4_000 + b"\r\n\r\n",
        b"INVITE sip:h" + b";a" * 30_000 + b" SIP/2.0\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nCSeq: " + b"9" * 60_000 + b" INVITE\r\n\r\n",
        b"\r\n" * 32_000,
        b"\r" * 64_000,
    ],
    ids=["blanks", "folds", "brackets", "escapes", "vias", "params", "digits", "line ends", "returns"],
)
def test_no_input_makes_reading_slow(data: bytes) -> None:
    # Of computing, which other programs do not lengthen; milliseconds, where a slow way would take minutes.
    assert timeit.timeit(lambda: refusal(data), number=1, timer=time.process_time) < 5
