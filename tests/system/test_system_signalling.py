"""What PBXes do with a call besides making it: repeated, cancelled, held, refreshed, refused and unfinished ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.system.audio import Pcm, place_of, raw, speech, stored
from tests.system.caller import SAID_S, Caller, Heard, Running, together
from tests.system.service import Service, answered_s, moment
from tests.system.wire import Wire, pcmu
from voicebox.codec import Codec

pytestmark = pytest.mark.system

T38 = """\
v=0
o=u 1 9 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=image 40000 udptl t38
a=T38FaxVersion:0
"""
G729 = """\
v=0
o=u 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 18
a=rtpmap:18 G729/8000
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What callers say: a minute and a half of it."""

    file: Path
    pcm: Pcm
    short: Path
    """The first seconds: enough of them for a busy machine to begin the recording meanwhile."""


SHORT = 8 * 8000
"""Samples of what is short."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What every caller of this module says."""
    folder = tmp_path_factory.mktemp("said")
    file, pcm = raw(speech(90), Codec.PCMU, folder / "long.raw")
    short = folder / "short.raw"
    short.write_bytes(file.read_bytes()[:SHORT])
    return Said(file, pcm, short)


@pytest.fixture(scope="module", autouse=True)
def slow(service: Service, said: Said, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Calls whose end takes a minute by nature: they begin with the module, and its last tests wait for them."""
    folder = tmp_path_factory.mktemp("slow")

    def caller(number: str) -> Caller:
        return Caller(service.udp, folder, number=number)

    no_ack = caller("1025")
    no_ack.request("INVITE", uri="sip:1025@[remote_ip]:[remote_port]", body=no_ack.sdp())
    no_ack.expect(100, optional=True).expect(200, more='rrs="true"').hung_up_on()
    refreshed = (
        caller("1026").invite("Session-Expires: 90;refresher=uas", "Supported: timer").speak(said.file).keys("#")
    )
    refreshed.expect_request("UPDATE", timeout_s=60).answer("200 OK", "Session-Expires: 90;refresher=uas").pause(
        1
    ).bye()
    expired = caller("1027").invite("Session-Expires: 90;refresher=uac", "Supported: timer")
    scripts = {
        "no ack": no_ack,
        "refreshed by us": refreshed,
        "expired": expired.speak(said.file).keys("#").hung_up_on(timeout_s=75),
        "maximum": caller("1008").invite().speak(said.file).keys("#").pause(66).keys("1").hung_up_on(),
        "silence": caller("1028").invite().speak(said.short).keys("#").pause(22).keys("1").hung_up_on(),
        "nothing said": caller("1029").invite().keys("#").hung_up_on(),
    }
    running = {name: script.start() for name, script in scripts.items()}
    yield running
    for each in running.values():
        each.stop()


def found_in(service: Service, number: str, said: Said) -> Pcm:
    """Return a mailbox's only message, and check that it is what was said from some moment on."""
    found = stored(service.flac(service.message(number)["audio_id"]))
    at = place_of(found, said.pcm)
    assert np.array_equal(found, said.pcm[at : at + len(found)])
    return found


def goes_to_the_end(service: Service, number: str, found: Pcm, said: Said, *, still: int = 0) -> bool:
    """Tell whether a mailbox's only message ends with the last packet that came, but for a frame.

    `still` is for how many of its samples nobody sent anything.
    """
    received = service.call_of(service.message(number))["rtp"]["received"]
    return bool(abs((place_of(found, said.pcm) + len(found) - still) / 160 - received) <= 1)


def stillness(found: Pcm) -> int:
    """Return the length of the longest stretch of silence."""
    (sounds,) = np.nonzero(found)
    return int(np.max(np.diff(sounds))) - 1


# -- repeated and cancelled


def test_a_retransmitted_invite_and_bye_are_one_call(service: Service) -> None:
    with Wire(service.udp) as wire:
        invite = wire.request("INVITE", "1001", body=pcmu())
        for _ in range(4):
            wire.send(invite)
        answer = wire.final(200)
        for _ in range(4):
            wire.send(wire.within(answer, "ACK"))
        bye = wire.within(answer, "BYE")
        for _ in range(4):
            wire.send(bye)
        answers: list[str] = []
        byes = 0
        while byes < 4:  # the 200 once more for every copy of the INVITE that was taken after it
            answers.append(wire.final(200))
            byes += "CSeq: 2 BYE" in answers[-1]
    assert {to_of(each) for each in answers} == {to_of(answer)}
    assert all("CSeq: 1 INVITE" in each or "CSeq: 2 BYE" in each for each in answers)
    service.call("1001", count=1)


def to_of(message: str) -> str:
    """Return the To header's value."""
    (found,) = re.findall(r"^To: (.*)$", message.replace("\r", ""), re.MULTILINE)
    return str(found)


def test_a_cancelled_call_is_487_and_leaves_nothing(service: Service, tmp_path: Path) -> None:
    caller = Caller(service.udp, tmp_path, number="1002")
    # A call that must acknowledge the ringing first (RFC 3262) is one that can be cancelled in time.
    caller.request("INVITE", "Require: 100rel", uri="sip:1002@[remote_ip]:[remote_port]", body=caller.sdp())
    caller.expect(100, optional=True).expect(180).cancel().expect(200).expect(487).acknowledge_refusal().run()
    call = service.call("1002")
    assert call["answered_at"] is None
    assert call["trace"][-1]["by"] == "cancel"
    assert service.messages("1002") == []


def test_a_reliable_ringing_is_acknowledged_before_the_call_is_answered(
    service: Service, said: Said, tmp_path: Path
) -> None:
    caller = Caller(service.udp, tmp_path, number="1003")
    caller.request("INVITE", "Require: 100rel", uri="sip:1003@[remote_ip]:[remote_port]", body=caller.sdp())
    caller.expect(100, optional=True).expect(180, keep="RSeq", more='rrs="true"')
    caller.request("PRACK", "RAck: [$kept] 1 INVITE").expect(200)
    heard = (
        caller.expect(200, more='rrs="true"')
        .request("ACK", cseq=1)
        .speak(said.file)
        .keys("#")
        .pause(SAID_S)
        .bye()
        .run()
    )
    (ringing,) = heard.received("SIP/2.0 180")
    assert "Require: 100rel" in ringing
    found_in(service, "1003", said)


# -- offers


def test_hold_and_resume_lose_nothing_of_what_is_said(service: Service, said: Said, tmp_path: Path) -> None:
    caller = Caller(service.udp, tmp_path, number="1004").invite().speak(said.file).keys("#").pause(5)
    caller.reinvite(more=["a=sendonly"]).pause(1.5).reinvite(more=["a=sendrecv"]).pause(1.5)
    heard = caller.silent_bye().run()
    directions = [
        line for answer in heard.received("SIP/2.0 200") for line in answer.splitlines() if line in DIRECTIONS
    ]
    assert directions == ["a=sendrecv", "a=recvonly", "a=sendrecv"]
    found = found_in(service, "1004", said)
    assert goes_to_the_end(service, "1004", found, said)
    assert len(found) / 8000 > 4


DIRECTIONS = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"}


def first_sent(heard: Heard, cseq: str) -> float:
    """Return when a message of this CSeq was first sent, as Unix time."""
    return next(when for when, text in heard.log("sent") if f"\nCSeq: {cseq}\n" in text)


def test_an_inactive_stretch_is_silence_of_its_length(service: Service, said: Said, tmp_path: Path) -> None:
    caller = Caller(service.udp, tmp_path, number="1005").invite().speak(said.file).keys("#").pause(3)
    caller.reinvite(more=["a=inactive"]).hush().pause(4).go_on().reinvite(more=["a=sendrecv"]).pause(3)
    heard = caller.silent_bye().run()
    found = stored(service.flac(service.message("1005")["audio_id"]))
    still = stillness(found)
    hushed_at, went_on_at = first_sent(heard, "3 ACK"), first_sent(heard, "4 INVITE")
    assert still / 8000 == pytest.approx(went_on_at - hushed_at, abs=0.6)
    assert goes_to_the_end(service, "1005", found, said, still=still)


def test_update_with_and_without_an_offer(service: Service, said: Said, tmp_path: Path) -> None:
    caller = Caller(service.udp, tmp_path, number="1007").invite().speak(said.file).keys("#").pause(1)
    caller.request("UPDATE").expect(200).request("UPDATE", body=caller.sdp()).expect(200).pause(SAID_S - 1)
    heard = caller.bye().run()
    plain, offered = [
        each for each in heard.received("SIP/2.0 200") if re.search(r"^CSeq: \d+ UPDATE$", each, re.MULTILINE)
    ]
    assert "m=audio" not in plain
    assert "m=audio" in offered
    found_in(service, "1007", said)


def test_a_delayed_offer_is_made_in_the_200_and_answered_in_the_ack(
    service: Service, said: Said, tmp_path: Path
) -> None:
    caller = Caller(service.udp, tmp_path, number="1009")
    caller.request("INVITE", uri="sip:1009@[remote_ip]:[remote_port]").answered(answer=caller.sdp(Codec.PCMA))
    file, sent = raw(speech(10), Codec.PCMA, tmp_path / "alaw.raw")
    caller.speak(file).keys("#").pause(SAID_S).bye().run()
    found = stored(service.flac(service.message("1009")["audio_id"]))
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])


def test_a_refused_t38_offer_leaves_the_call_as_it_was(service: Service, said: Said, tmp_path: Path) -> None:
    caller = Caller(service.udp, tmp_path, number="1010").invite().speak(said.file).keys("#").pause(1.5)
    caller.reinvite(body=T38, status=488).pause(SAID_S - 1.5).silent_bye().run()
    assert goes_to_the_end(service, "1010", found_in(service, "1010", said), said)


def test_what_we_cannot_talk_is_488(service: Service, tmp_path: Path) -> None:
    def caller() -> Caller:
        return Caller(service.udp, tmp_path, number="1011")

    heard = together(
        caller().refused(488, body="v=0\nthis is no description\n"),
        caller().refused(488, body=G729),
        caller().refused(488, body=T38),
        caller().refused(488, body=G729.replace("IN IP4 127.0.0.1", "IN IP6 not-an-address")),
    )
    assert all(each.received("SIP/2.0 100 ") for each in heard)
    assert service.messages("1011") == []


# -- extensions


def test_session_timers_below_90_s_are_422_and_longer_ones_are_refreshed(
    service: Service, said: Said, tmp_path: Path
) -> None:
    short = Caller(service.udp, tmp_path, number="1012").refused(422, "Session-Expires: 60", "Supported: timer")
    timed = Caller(service.udp, tmp_path, number="1013").invite("Session-Expires: 120", "Supported: timer")
    timed.speak(said.file).keys("#").pause(1).request(
        "UPDATE", "Session-Expires: 120;refresher=uac", "Supported: timer"
    )
    timed.expect(200).reinvite("Session-Expires: 120;refresher=uac", "Supported: timer").pause(5).bye()
    refused, refreshed = together(short, timed)
    (response,) = refused.received("SIP/2.0 422")
    assert "Min-SE: 90" in response
    agreed = [each for each in refreshed.received("SIP/2.0 200") if "Session-Expires: 120;refresher=uac" in each]
    assert len(agreed) == 3
    assert all("Require: timer" in each for each in agreed)
    found_in(service, "1013", said)


def test_an_unknown_requirement_is_420_and_named(service: Service, tmp_path: Path) -> None:
    heard = Caller(service.udp, tmp_path, number="1014").refused(420, "Require: precondition, timer").run()
    (response,) = heard.received("SIP/2.0 420")
    assert "Unsupported: precondition\n" in response


def test_options_says_what_we_take(service: Service) -> None:
    with Wire(service.udp) as wire:
        answer = wire.ask("OPTIONS", "8000")
    assert answer.startswith("SIP/2.0 200")
    for part in ("Allow: INVITE", "Accept: application/sdp", "Supported: ", "Allow-Events: message-summary"):
        assert part in answer


def test_what_belongs_to_no_call_is_481_and_what_nobody_knows_405_or_501(service: Service) -> None:
    with Wire(service.udp) as wire:
        assert wire.ask("BYE").startswith("SIP/2.0 481")
        assert wire.ask("INFO").startswith("SIP/2.0 481")
        assert wire.ask("PUBLISH").startswith("SIP/2.0 405")
        assert wire.ask("DANCE").startswith("SIP/2.0 501")


def test_numbers_that_nobody_has_are_404(service: Service, tmp_path: Path) -> None:
    Caller(service.udp, tmp_path, number="4711").refused(404).run()
    assert service.call("4711")["answered_at"] is None


# -- slow by nature


def test_a_recording_ends_after_ten_seconds_of_silence(service: Service, slow: dict[str, Running], said: Said) -> None:
    slow["silence"].wait()
    call = service.call_of(service.message("1028"))
    assert moment(call, "record", state="end", by="silence")
    found = stored(service.flac(service.message("1028")["audio_id"]))
    # What was said after the tone, to its last packet; of the silence nothing came at all.
    assert place_of(found, said.pcm) + len(found) == pytest.approx(SHORT, abs=160)
    assert call["trace"][-1]["by"] == "us"


def test_a_caller_who_says_nothing_is_let_go(service: Service, slow: dict[str, Running]) -> None:
    slow["nothing said"].wait()
    assert moment(service.call("1029"), "record", state="end", by="no-speech")
    assert service.messages("1029") == []


def test_a_call_that_is_never_acknowledged_ends_by_bye(service: Service, slow: dict[str, Running]) -> None:
    heard = slow["no ack"].wait()
    (bye,) = heard.received("BYE")
    assert 'text="No ACK"' in bye
    assert service.call("1025")["trace"][-1]["by"] == "no-ack"


def test_we_refresh_the_session_where_that_is_ours_to_do(
    service: Service, slow: dict[str, Running], said: Said
) -> None:
    heard = slow["refreshed by us"].wait()
    (update,) = heard.received("UPDATE")
    assert "Session-Expires: 90;refresher=uac" in update
    assert len(found_in(service, "1026", said)) > 40 * 8000


def test_a_session_that_nobody_refreshes_is_saved_and_ended(
    service: Service, slow: dict[str, Running], said: Said
) -> None:
    heard = slow["expired"].wait()
    (bye,) = heard.received("BYE")
    assert 'text="Session expired"' in bye
    call = service.call("1027")
    assert call["trace"][-1]["by"] == "expired"
    # Two thirds of the interval after the answer (RFC 4028 section 10), and what holds a busy machine up.
    assert 59.9 <= moment(call, "end") - answered_s(call) < 66
    recorded_s = moment(call, "record", state="end") - moment(call, "record", state="begin")
    found = found_in(service, "1027", said)
    assert len(found) == pytest.approx(recorded_s * 8000, abs=4000)
    assert goes_to_the_end(service, "1027", found, said)


def test_a_recording_ends_at_the_maximum(service: Service, slow: dict[str, Running], said: Said) -> None:
    slow["maximum"].wait()
    # The packets of its last second may have come late.
    assert 59 * 8000 < len(found_in(service, "1008", said)) <= 60 * 8000
    assert moment(service.call_of(service.message("1008")), "record", state="end", by="maximum")
