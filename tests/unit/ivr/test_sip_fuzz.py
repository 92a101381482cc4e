"""Whatever comes in, the parsers of ivr.sip raise nothing but ParseError, and nobody's call ends by it."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.offer import OfferAnswer
from ivr.sdp import SdpError, Session
from ivr.sip.digest import Challenge, Credentials
from ivr.sip.diversion import arrival_of
from ivr.sip.errors import DigestError, FramingError, ParseError
from ivr.sip.framing import Frame, Framer
from ivr.sip.message import Request, parse, response_to

SEEDS = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "data" / "rfc4475").glob("*.dat"))]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b'"', b"<", b">", b",", b";", b"=", b"@", b"\xff", b" " * 50, b"%", b"\\", b":",
    b"\r\n ", b"SIP/2.0", b"History-Info: <sip:1@h?Reason=SIP%3Bcause%3D486>;index=1, <sip:2@h;cause=x>;index=1.x\r\n",
    b'Diversion: <sip:1@h>;reason="\xfc"\r\n', b'P-Asserted-Identity: "\xfc" <sip:1@h>,<tel:2>\r\n',
    b"Privacy: id;user\r\n", b"Remote-Party-ID: <sip:1@h>;privacy=full\r\n", b"Content-Length: 5\r\n",
    b'Authorization: Digest username="a", realm=r, nonce=n, uri="sip:h", response=x\r\n',
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A torture message with pieces cut out, doubled and put in."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4))
        data = data[:start] + piece + data[end:] if draw(st.booleans()) else data[:end] + data[start:]
    return data


def read_all_of(data: bytes) -> None:
    """Parse, and use what parsed as the layers above do: none of that may raise."""
    try:
        message = parse(data)
    except ParseError as error:
        if error.answerable is not None:
            error.answerable.stamp_via("192.0.2.1", 5060)
            error.answerable.to_bytes()
        return
    assert message.via.transport
    assert message.call_id
    _ = (message.from_.tag, message.to.tag, message.cseq, message.contact, message.contact_is_star)
    _ = (message.max_forwards, message.content_type, message.expires)
    assert parse(message.to_bytes()) == message
    message.stamp_via("192.0.2.1", 5060)
    if isinstance(message, Request):
        for status in (100, 180, 200, 486):
            response_to(message, status).to_bytes()
        caller = arrival_of(message, identity="pai", trusted=True).caller
        assert len(caller.name) <= 80
        arrival_of(message, identity="rpid", trusted=True)


@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    read_all_of(data)


@settings(max_examples=300)
@given(mutated())
def test_mutated_messages(data: bytes) -> None:
    read_all_of(data)


@settings(max_examples=150)
@given(st.lists(mutated(), max_size=3), st.integers(1, 500))
def test_a_stream_of_anything_is_cut_or_ended(messages: list[bytes], step: int) -> None:
    data = b"\r\n\r\n".join(messages)
    framer = Framer()
    for start in range(0, len(data), step):
        for item in framer.feed(data[start : start + step]):
            if isinstance(item, Frame):
                read_all_of(item.data)
            elif isinstance(item, FramingError):
                assert framer.feed(b"more") == []


def attempt(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except (ParseError, DigestError, SdpError):
        return


@given(st.text(max_size=200) | st.text('Digest realm="n,c=0\\', max_size=60).map("Digest ".__add__))
def test_digest_headers(text: str) -> None:
    attempt(Credentials.parse, text)
    attempt(Challenge.parse, text)


SDP_LINES = st.lists(
    st.sampled_from([
        "v=0", "o=- 1 1 IN IP4 h", "o=x", "s=-", "c=IN IP4 192.0.2.1", "c=IN IP6 ::", "c=x", "t=0 0", "t=",
        "a=sendonly",
        "a=", "a=rtcp:x y z 1", "a=rtcp:5 IN IP4", "a=rtpmap:0", "a=rtpmap:0 /", "a=rtpmap:101 telephone-event/8000",
        "m=audio 4000 RTP/AVP 0 8 101", "m=audio 0 RTP/AVP", "m=audio 4000 RTP/AVP 999 101 x", "m=image 1 udptl t38",
        "m =", "b=AS", "=", "i=t", "k=x", "a=inactive", "a=:",
    ]),
    max_size=12,
)  # fmt: skip


@settings(max_examples=300)
@given(SDP_LINES)
def test_offers_are_answered_or_refused(lines: list[str]) -> None:
    try:
        offer = Session.parse("\r\n".join(["v=0", "o=- 1 1 IN IP4 h", *lines]))
    except SdpError:
        return
    assert Session.parse(str(offer)) == offer
    call = OfferAnswer("192.0.2.9", 10_000, session_id=1)
    for use in (call.answer, call.accept):
        try:
            agreed = use(offer)
        except SdpError:
            continue
        assert Session.parse(str(agreed.local)) == agreed.local
        call.offer()


@given(st.text(max_size=200) | st.text("vosmac=: 0123456789INP/.-\r\n", max_size=200).map("v=0\r\n".__add__))
def test_session_descriptions(text: str) -> None:
    attempt(Session.parse, text)
