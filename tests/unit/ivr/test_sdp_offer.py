"""Offers and answers: what is agreed, and what a refusal leaves alone."""

import pytest

from ivr.offer import Agreed, Direction, NoCommonCodec, OfferAnswer
from ivr.sdp import SdpError, Session
from voicebox.codec import Codec


def description(*media: str, address: str | None = "192.0.2.1", session: str = "") -> Session:
    connection = f"c=IN IP{6 if ':' in address else 4} {address}\r\n" if address else ""
    head = f"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\n{connection}t=0 0\r\n{session}"
    return Session.parse(head + "".join(f"m={each}\r\n" for each in media))


PLAIN = "audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16"


def ours(codecs: tuple[Codec, ...] = (Codec.PCMU, Codec.PCMA)) -> OfferAnswer:
    return OfferAnswer("198.51.100.7", 20_000, session_id=99, codecs=codecs)


def answer(*media: str, address: str | None = "192.0.2.1", session: str = "") -> Agreed:
    return ours().answer(description(*media, address=address, session=session))


def test_a_plain_offer() -> None:
    agreed = answer(PLAIN)
    assert str(agreed.local) == (
        "v=0\r\no=- 99 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
        "m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
    assert (agreed.remote.host, agreed.remote.port) == ("192.0.2.1", 4000)
    assert (agreed.remote.codec, agreed.remote.payload_type) == (Codec.PCMU, 0)
    assert (agreed.remote.rtcp_host, agreed.remote.rtcp_port) == (None, None)
    assert agreed.remote.send_event_pt == 101
    assert agreed.remote.event_pts() == agreed.remote.telephone_event_pts == {96, 101}
    assert agreed.direction is Direction.SENDRECV
    assert not agreed.held


def test_the_offers_order_decides_the_codec() -> None:
    assert answer("audio 4000 RTP/AVP 18 8 0").remote.codec is Codec.PCMA
    agreed = ours((Codec.PCMU,)).answer(description("audio 4000 RTP/AVP 8 0"))
    assert agreed.remote.codec is Codec.PCMU
    assert agreed.local.media[0].formats == ("0",)


def test_a_codec_may_have_a_dynamic_number() -> None:
    agreed = answer("audio 4000 RTP/AVP 97 98\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:98 pcma/8000/1")
    assert (agreed.remote.codec, agreed.remote.payload_type) == (Codec.PCMA, 98)
    assert agreed.local.media[0].attribute("rtpmap") == "98 PCMA/8000"


def test_a_static_number_with_another_meaning_is_that_other() -> None:
    assert answer("audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 L16/8000").remote.codec is Codec.PCMA


def test_the_offers_number_for_keys_is_used() -> None:
    agreed = answer("audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 Telephone-Event/8000")
    assert agreed.local.media[0].formats == ("0", "96")
    assert agreed.remote.send_event_pt == 96
    assert agreed.remote.telephone_event_pts == {96, 101}
    other = answer("audio 4000 RTP/AVP 0 127\r\na=rtpmap:127 telephone-event/8000")
    assert other.remote.telephone_event_pts == {96, 101, 127}


def test_keys_at_another_clock_are_not_ours() -> None:
    agreed = answer("audio 4000 RTP/AVP 0 100 101\r\na=rtpmap:100 telephone-event/48000\r\na=rtpmap:101 x/8000")
    assert agreed.remote.send_event_pt is None
    assert agreed.local.media[0].formats == ("0",)


def test_undeclared_keys_are_taken_all_the_same() -> None:
    agreed = answer("audio 4000 RTP/AVP 0")
    assert agreed.remote.telephone_event_pts == frozenset()
    assert agreed.remote.event_pts() == {96, 101}
    taken = answer("audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000")
    assert taken.remote.event_pts() == {101}


@pytest.mark.parametrize(
    ("offered", "answered", "sends", "receives"),
    [
        ("sendrecv", Direction.SENDRECV, True, True),
        ("sendonly", Direction.RECVONLY, False, True),
        ("recvonly", Direction.SENDONLY, True, False),
        ("inactive", Direction.INACTIVE, False, False),
    ],
)
def test_directions(offered: str, answered: Direction, *, sends: bool, receives: bool) -> None:
    for agreed in (
        answer(f"{PLAIN}\r\na={offered}"),
        answer(PLAIN, session=f"a={offered}\r\n"),
        answer(f"{PLAIN}\r\na={offered}", session="a=sendrecv\r\n"),
    ):
        assert agreed.direction is answered
        assert agreed.local.media[0].flag(answered.value)
        assert (agreed.remote.may_send, agreed.remote.may_receive) == (sends, receives)
        assert agreed.held is not sends


@pytest.mark.parametrize("nowhere", ["0.0.0.0", "::"])
def test_hold_by_address(nowhere: str) -> None:
    agreed = answer(PLAIN, address=nowhere)
    assert agreed.held
    assert agreed.direction is Direction.RECVONLY


def test_the_address_of_the_medium_wins() -> None:
    assert answer(f"{PLAIN}\r\nc=IN IP4 10.0.0.5").remote.host == "10.0.0.5"
    assert answer(f"{PLAIN}\r\nc=IN IP4 10.0.0.9", address=None).remote.host == "10.0.0.9"
    with pytest.raises(SdpError):
        answer(PLAIN, address=None)


def test_audio_over_another_ip_version_than_ours_is_refused_and_changes_nothing() -> None:
    mine = ours()
    before = mine.answer(description(PLAIN))
    with pytest.raises(NoCommonCodec, match="IPv6"):
        mine.answer(description(f"{PLAIN}\r\nc=IN IP6 2001:db8::5"))
    assert mine.agreed == before


def test_our_own_ipv6_address() -> None:
    agreed = OfferAnswer("2001:db8::7", 20_000, session_id=1).answer(description(PLAIN, address="2001:db8::1"))
    assert "c=IN IP6 2001:db8::7" in str(agreed.local)


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("a=rtcp:53020", None, 53020),
        ("a=rtcp:53020 IN IP4 126.16.64.4", "126.16.64.4", 53020),
        ("a=rtcp:53020 IN IP6 2001:db8::1", "2001:db8::1", 53020),
        ("a=rtcp:0", None, None),
        ("a=rtcp:x", None, None),
        ("a=rtcp:99999", None, None),
        ("a=rtcp", None, None),
    ],
)
def test_rtcp_may_go_elsewhere(line: str, host: str | None, port: int | None) -> None:
    remote = answer(f"{PLAIN}\r\n{line}").remote
    assert (remote.rtcp_host, remote.rtcp_port) == (host, port)


def test_other_media_are_refused_in_their_places() -> None:
    agreed = answer(
        "video 5000 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000", PLAIN, "audio 6000 RTP/AVP 0", "image 1 udptl t38"
    )
    assert [(each.kind, each.port, each.protocol) for each in agreed.local.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 20_000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("image", 0, "udptl"),
    ]
    assert agreed.local.media[0].formats == ("31", "32")
    assert agreed.remote.port == 4000


def test_the_first_audio_we_can_do_is_taken() -> None:
    agreed = answer("audio 4000 RTP/SAVP 0", "audio 4002 RTP/AVP 18", "audio 4004 RTP/AVP 0", "audio 4006 RTP/AVP 0")
    assert agreed.remote.port == 4004
    assert [each.port for each in agreed.local.media] == [0, 0, 20_000, 0]


def test_the_profile_is_answered_as_it_was_offered() -> None:
    assert answer("audio 4000 RTP/AVPF 0").local.media[0].protocol == "RTP/AVPF"


@pytest.mark.parametrize(
    "media",
    [
        [],
        ["audio 0 RTP/AVP 0"],
        ["audio 4000 RTP/AVP 18 9"],
        ["audio 4000 RTP/AVP"],
        ["audio 4000 UDP/TLS/RTP/SAVPF 0"],
        ["video 4000 RTP/AVP 0"],
        ["image 4000 udptl t38"],
        ["audio 4000 RTP/AVP 0\r\na=rtpmap:0 opus/48000/2"],
        ["audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000"],
    ],
)
def test_nothing_in_common_is_488(media: list[str]) -> None:
    with pytest.raises(NoCommonCodec):
        answer(*media)


def test_the_times_of_the_offer_are_answered() -> None:
    offer = Session.parse(str(description(PLAIN)).replace("t=0 0", "t=3149328700 0"))
    assert ours().answer(offer).local.times == ("3149328700 0",)


def test_versions_count_changes_only() -> None:
    call = ours()
    versions = [
        call.answer(description(PLAIN)).local.origin.version,
        call.answer(description(PLAIN)).local.origin.version,
        call.answer(description(f"{PLAIN}\r\na=sendonly")).local.origin.version,
        call.answer(description(PLAIN)).local.origin.version,
    ]
    assert versions == [1, 1, 2, 3]


def test_a_refused_reinvite_leaves_the_call_as_it_was() -> None:
    call = ours()
    before = call.answer(description(PLAIN))
    with pytest.raises(NoCommonCodec):
        call.answer(description("audio 0 RTP/AVP 0", "image 4002 udptl t38"))
    with pytest.raises(SdpError):
        call.answer(description(PLAIN, address=None))
    assert call.agreed is before
    assert call.answer(description(PLAIN)).local == before.local


def test_our_offer_for_an_invite_without_one() -> None:
    call = ours()
    offer = call.offer()
    assert str(offer).endswith(
        "m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
    agreed = call.accept(description("audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000"))
    assert call.agreed is agreed
    assert agreed.local == offer
    assert (agreed.remote.codec, agreed.remote.payload_type) == (Codec.PCMA, 8)
    assert agreed.remote.receives == {0: Codec.PCMU, 8: Codec.PCMA}
    assert agreed.remote.send_event_pt == 96
    assert agreed.remote.event_pts() == {96, 101}


def test_an_answer_may_take_less_than_we_offered() -> None:
    call = ours()
    call.offer()
    agreed = call.accept(description("audio 4000 RTP/AVP 0\r\na=sendonly"))
    assert agreed.direction is Direction.RECVONLY
    assert agreed.remote.send_event_pt is None
    call.offer(Direction.SENDONLY)
    assert call.accept(description("audio 4000 RTP/AVP 0")).direction is Direction.SENDONLY


def test_an_answer_that_refuses() -> None:
    for media in ("audio 0 RTP/AVP 0", "audio 4000 RTP/AVP 9"):
        call = ours()
        call.offer()
        with pytest.raises(NoCommonCodec):
            call.accept(description(media))


def test_an_answer_must_fit_an_offer() -> None:
    call = ours()
    with pytest.raises(SdpError, match="without"):
        call.accept(description(PLAIN))
    call.offer()
    with pytest.raises(SdpError, match="fewer"):
        call.accept(description())
    call.accept(description(PLAIN))
    with pytest.raises(SdpError, match="without"):
        call.accept(description(PLAIN))


def test_our_reinvite_keeps_the_places_and_the_numbers() -> None:
    call = ours()
    call.answer(description("video 5000 RTP/AVP 31", "audio 4000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000"))
    offer = call.offer(Direction.SENDONLY)
    assert offer.origin.version == 2
    assert [(each.kind, each.port) for each in offer.media] == [("video", 0), ("audio", 20_000)]
    assert offer.media[1].formats == ("0", "8", "97")
    assert offer.media[1].flag("sendonly")
    agreed = call.accept(description("video 0 RTP/AVP 31", "audio 4000 RTP/AVP 8\r\na=recvonly"))
    assert agreed.remote.port == 4000


def test_a_withdrawn_offer_is_forgotten_but_its_version_not_used_again() -> None:
    call = ours()
    before = call.answer(description(PLAIN))
    refused = call.offer(Direction.INACTIVE)
    call.withdraw()
    assert call.agreed is before
    with pytest.raises(SdpError):
        call.accept(description(PLAIN))
    assert call.offer().origin.version == refused.origin.version + 1


def test_two_of_us_understand_each_other() -> None:
    caller, callee = ours(), OfferAnswer("192.0.2.9", 30_000, session_id=5)
    offer = Session.parse(caller.offer().to_bytes())
    reply = Session.parse(callee.answer(offer).local.to_bytes())
    agreed = caller.accept(reply)
    assert (agreed.remote.host, agreed.remote.port) == ("192.0.2.9", 30_000)
    assert callee.agreed is not None
    assert callee.agreed.remote.port == 20_000
    assert agreed.remote.codec is callee.agreed.remote.codec
