"""What the load generator writes is SIP by another's reading, and what it reads is what a server wrote."""

import hashlib

import pytest
import sipmessage

from bench import signalling
from bench.signalling import Account, Dialog

SERVER = ("127.0.0.1", 5060)
HERE = ("127.0.0.1", 40000)
CALL = Dialog("1-2-3", "1001", "+4915100000001", SERVER, HERE)
PHONE = Account("1001", "secret", "voicebox.example", SERVER, HERE)

ANSWER = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bKx;rport=40000\r\n"
    b"From: <sip:+4915100000001@127.0.0.1>;tag=c1-2-3\r\nTo: <sip:1001@127.0.0.1:5060>;tag=abc.9\r\n"
    b"Call-ID: 1-2-3\r\nCSeq: 1 INVITE\r\nContact: <sip:voicebox@127.0.0.1:5060>\r\nContent-Type: application/sdp\r\n"
    b"\r\nv=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 24010 RTP/AVP 0 101\r\n"
)


@pytest.mark.parametrize(
    ("written", "method", "cseq"),
    [
        (CALL.invite(30000), "INVITE", 1),
        (CALL.ack("sip:v@127.0.0.1:5060", "t1"), "ACK", 1),
        (CALL.bye("sip:v@127.0.0.1:5060", "t1"), "BYE", 2),
        (PHONE.request("REGISTER", 1), "REGISTER", 1),
        (PHONE.request("SUBSCRIBE", 2, ("voicebox.example", "n0")), "SUBSCRIBE", 2),
    ],
)
def test_requests_are_sip(written: bytes, method: str, cseq: int) -> None:
    parsed = sipmessage.Message.parse(written)
    assert isinstance(parsed, sipmessage.Request)
    assert (parsed.method, parsed.cseq.sequence, parsed.cseq.method) == (method, cseq, method)
    assert int(parsed.headers["Content-Length"]) == len(parsed.body)


def test_an_invite_offers_pcmu_and_keys_at_the_callers_port() -> None:
    body = CALL.invite(30002).partition(b"\r\n\r\n")[2]
    assert b"m=audio 30002 RTP/AVP 0 101\r\n" in body
    assert b"a=rtpmap:101 telephone-event/8000\r\n" in body


def test_an_invite_and_its_ack_and_bye_belong_together() -> None:
    for each in (CALL.invite(1), CALL.ack("sip:v@h", "t1"), CALL.bye("sip:v@h", "t1")):
        assert signalling.call_id_of(each) == "1-2-3"
        assert b";tag=c1-2-3\r\n" in each
    assert b"To: <sip:1001@127.0.0.1:5060>;tag=t1\r\n" in CALL.bye("sip:v@h", "t1")


def test_an_answer_says_target_tag_and_where_audio_goes() -> None:
    assert signalling.status_of(ANSWER) == 200
    assert signalling.method_of(ANSWER) == "INVITE"
    assert signalling.answer_of(ANSWER) == ("sip:voicebox@127.0.0.1:5060", "abc.9", ("127.0.0.2", 24010))


def test_an_answer_without_audio_is_none() -> None:
    assert signalling.answer_of(ANSWER.partition(b"m=audio")[0]) is None


def test_requests_have_no_status() -> None:
    assert signalling.status_of(CALL.invite(1)) == 0


def test_a_challenge_is_answered_by_rfc_7616() -> None:
    refused = (
        b"SIP/2.0 401 Unauthorized\r\nCall-ID: REGISTER.1001\r\nCSeq: 1 REGISTER\r\n"
        b'WWW-Authenticate: Digest realm="voicebox.example", nonce="abc=", algorithm=SHA-256, qop="auth"\r\n'
        b'WWW-Authenticate: Digest realm="voicebox.example", nonce="abc=", algorithm=MD5, qop="auth"\r\n\r\n'
    )
    challenge = signalling.challenge_of(refused)
    assert challenge == ("voicebox.example", "abc=")
    secret = hashlib.sha256(b"1001:voicebox.example:secret").hexdigest()
    asked = hashlib.sha256(b"REGISTER:sip:127.0.0.1:5060").hexdigest()
    answer = hashlib.sha256(f"{secret}:abc=:00000001:bench:auth:{asked}".encode()).hexdigest()
    written = PHONE.request("REGISTER", 2, challenge)
    assert f'response="{answer}"'.encode() in written
    assert b"secret" not in written


def test_a_notify_tells_whose_light_it_is_and_how_many_messages_are_new() -> None:
    notify = (
        b"NOTIFY sip:1001@127.0.0.1:40000 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKn\r\nCSeq: 3 NOTIFY\r\n"
        b"Call-ID: SUBSCRIBE.1001\r\n\r\nMessages-Waiting: yes\r\nVoice-Message: 12/3 (0/0)\r\n"
    )
    assert signalling.notified(notify) == ("1001", 12)
    assert signalling.notified(CALL.invite(1)) is None


def test_a_200_repeats_what_belongs_to_the_transaction() -> None:
    request = CALL.bye("sip:v@127.0.0.1", "t1")
    parsed = sipmessage.Message.parse(signalling.ok_to(request))
    asked = sipmessage.Message.parse(request)
    assert isinstance(parsed, sipmessage.Response)
    assert (parsed.code, parsed.via, parsed.from_address, parsed.to_address, parsed.call_id, parsed.cseq) == (
        200,
        asked.via,
        asked.from_address,
        asked.to_address,
        asked.call_id,
        asked.cseq,
    )
