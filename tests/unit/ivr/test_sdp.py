"""Session descriptions: read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sdp import LINES_MAX, Media, Origin, SdpError, Session

# The shape of RFC 8866 section 5's example.
FULL = """v=0
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1
s=Call to John Smith
i=SDP Offer #1
u=http://www.jdoe.example.com/home.html
e=Jane Doe <jane@jdoe.example.com>
p=+1 617 555-6011
c=IN IP4 198.51.100.1
b=AS:128
t=0 0
r=7d 1h 0 25h
z=0 0
a=recvonly
m=audio 49170 RTP/AVP 0
m=audio 49180/2 RTP/AVP 0 101
i=second
c=IN IP6 2001:db8::2
b=TIAS:64000
a=rtpmap:101 telephone-event/8000
a=sendonly
m=image 0 udptl t38
""".replace("\n", "\r\n")

TOKENS = st.text("abcdefXYZ019-", min_size=1, max_size=8)
ATTRIBUTES = st.lists(st.tuples(TOKENS, st.none() | TOKENS), max_size=4).map(tuple)
ADDRESSES = st.none() | st.sampled_from(["192.0.2.1", "2001:db8::1", "pbx.example"])
MEDIA = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video"]),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "udptl"]),
    formats=st.lists(TOKENS, max_size=4).map(tuple),
    address=ADDRESSES,
    attributes=ATTRIBUTES,
    ports=st.integers(1, 3),
    title=st.none() | TOKENS,
)
SESSIONS = st.builds(
    Session,
    origin=st.builds(Origin, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), ADDRESSES.filter(bool), TOKENS),
    media=st.lists(MEDIA, max_size=3).map(tuple),
    address=ADDRESSES,
    name=TOKENS,
    times=st.sampled_from([("0 0",), ("1 2", "3 4")]),
    attributes=ATTRIBUTES,
)


@given(SESSIONS)
def test_a_description_comes_back_as_it_was(session: Session) -> None:
    assert Session.parse(str(session)) == session
    assert Session.parse(session.to_bytes()) == session


def test_every_line_has_its_place() -> None:
    session = Session.parse(FULL)
    assert str(session) == FULL
    assert (session.origin.session_id, session.origin.version) == (3724394400, 3724394405)
    assert session.address == "198.51.100.1"
    assert session.flag("recvonly")
    first, second, image = session.media
    assert (first.port, first.address, first.formats) == (49170, None, ("0",))
    assert (second.ports, second.address, second.formats) == (2, "2001:db8::2", ("0", "101"))
    assert second.attribute("rtpmap") == "101 telephone-event/8000"
    assert second.flag("sendonly")
    assert (image.kind, image.port, image.protocol, image.formats) == ("image", 0, "udptl", ("t38",))


@pytest.mark.parametrize(
    "text",
    [
        FULL.replace("\r\n", "\n"),
        FULL.replace("\r\n", "\r"),
        "\r\n\r\n" + FULL,
        FULL + "\r\n\r\n",
        FULL.replace("m=audio", "m =audio").replace("c=IN", "c = IN"),
        FULL.replace("s=", "y=odd\r\ns="),
        FULL.replace("a=sendonly", "a=sendonly   "),
    ],
    ids=["lf", "cr", "leading", "trailing", "spaces", "unknown", "padded"],
)
def test_sloppy_writers_are_understood(text: str) -> None:
    assert Session.parse(text) == Session.parse(FULL)


def test_missing_lines_that_nobody_needs() -> None:
    # The body of RFC 4475's mismatch02.
    session = Session.parse(
        "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 x 0\r\n"
    )
    assert session.name == "-"
    assert session.times == ("0 0",)
    assert session.media[0].port == 4


def test_ids_that_are_no_numbers_are_nobodys_business() -> None:
    session = Session.parse("v=0\r\no=- abc 99999999999999999999999 IN IP4 h\r\n")
    assert (session.origin.session_id, session.origin.version) == (0, 0)


def test_a_multicast_address_loses_its_ttl() -> None:
    assert Session.parse("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 224.2.1.1/127/3\r\n").address == "224.2.1.1"


def test_bytes_that_are_no_utf8_leave_as_they_came() -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=M\xfcller\r\nt=0 0\r\n"
    assert Session.parse(data).to_bytes() == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=1\r\no=- 1 1 IN IP4 h\r\n",
        "o=- 1 1 IN IP4 h\r\nv=0\r\n",
        "v=0\r\n",
        "v=0\r\no=- 1 1 IN IP4\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 /127\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio -1 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 65536 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1/x RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\n" + "m=audio 1 RTP/AVP 0\r\n" * 33,
        "v=0\r\no=- 1 1 IN IP4 h\r\n" + "a=x\r\n" * LINES_MAX,
    ],
)
def test_malformed_descriptions_are_refused(text: str) -> None:
    with pytest.raises(SdpError):
        Session.parse(text)
