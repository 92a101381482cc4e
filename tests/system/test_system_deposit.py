"""Callers leave messages by SIPp: the audio is what was said, to the sample, and it reaches the right mailbox."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.system.audio import Pcm, place_of, raw, speech, stored
from tests.system.caller import EARLY_S, SAID_S, Caller, together
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import Service, eventually, moment
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def leave(caller: Caller, file: Path, *headers: str, codec: Codec = Codec.PCMU, uri: str | None = None) -> Caller:
    """Speak from the first moment on, skip the greeting, stop after a while, and hang up."""
    return caller.invite(*headers, codec=codec, uri=uri).speak(file).keys("#").pause(SAID_S).silent_bye()


def check_audio(service: Service, number: str, sent: Pcm) -> None:
    """Compare a mailbox's only message with what was sent: to the sample, and a frame in length."""
    message = service.message(number)
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert at % 160 == 0
    assert np.array_equal(found, sent[at : at + len(found)])
    call = service.call_of(message)
    # Nothing pauses in the noise, so that no silence is trimmed: the message ends with the last packet that came,
    # and it begins with the first one after the tone. The caller began to speak a little after the INVITE.
    assert (at + len(found)) // 160 == pytest.approx(call["rtp"]["received"], abs=1)
    assert 0 < at / 8000 <= moment(call, "record", state="begin") + 0.03
    assert message["samples"] == len(found)
    assert call["rtp"]["lost"] == 0


def test_stored_audio_is_what_was_sent_by_udp_and_tcp_in_both_codecs(service: Service, tmp_path: Path) -> None:
    said = {codec: raw(speech(20, seed=codec.value.payload_type), codec, tmp_path / codec.name) for codec in Codec}
    ways = [
        ("1002", "udp", Codec.PCMU),
        ("1003", "tcp", Codec.PCMU),
        ("1004", "udp", Codec.PCMA),
        ("1005", "tcp", Codec.PCMA),
    ]
    servers = {"udp": service.udp, "tcp": service.tcp}
    together(
        *(
            leave(Caller(servers[way], tmp_path, number=number, transport=way), said[codec][0], codec=codec)
            for number, way, codec in ways
        )
    )
    for number, _, codec in ways:
        check_audio(service, number, said[codec][1])


def test_a_call_by_ipv6_leaves_a_message(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service(address="::1").start()
    file, sent = raw(speech(20), Codec.PCMU, tmp_path / "said.raw")
    leave(Caller(service.udp, tmp_path, local="::1"), file).run()
    check_audio(service, "1001", sent)


@dataclass(frozen=True, slots=True)
class Route:
    """How a forwarded call comes, and where it must go."""

    mailbox: str
    reason: str
    deflected_by: str | None
    headers: tuple[str, ...] = ()
    called: str = "8000"
    uri_params: str = ""
    local: str = "127.0.0.1"


ROUTES = {
    "history-info": Route(
        "1011",
        "busy",
        "1011",
        (
            "History-Info: <sip:1011@pbx>;index=1",
            "History-Info: <sip:8000@pbx;cause=486>;index=1.1;mp=1",
        ),
    ),
    "history-info in one line, no answer": Route(
        "1012",
        "no-answer",
        "+492115551012",
        ("History-Info: <sip:+492115551012@pbx>;index=1, <sip:8000@pbx;cause=408>;index=1.1;mp=1",),
    ),
    "two diversions, the last of ours": Route(
        "1013",
        "busy",
        "1013",
        ("Diversion: <sip:1013@pbx>;reason=user-busy", "Diversion: <sip:1014@pbx>;reason=no-answer"),
    ),
    "two diversions, the first of ours": Route(
        "1015",
        "unconditional",
        "1015",
        ("Diversion: <sip:1014@pbx>;reason=user-busy, <sip:1015@pbx>;reason=unconditional",),
        local="127.0.0.3",
    ),
    "rfc 4458 target and cause": Route("1016", "no-answer", "1016", uri_params=";target=sip:1016%40pbx;cause=408"),
    "rfc 4458 wins over diversion": Route(
        "1017",
        "busy",
        "1017",
        ("Diversion: <sip:1014@pbx>;reason=no-answer",),
        uri_params=";target=sip:1017%40pbx;cause=486",
    ),
    "the number itself": Route("1018", "unavailable", None, called="1018"),
    "the full number, national": Route("1019", "unavailable", None, called="02115551019"),
    "an alias": Route("1020", "unavailable", None, called="+491701234567"),
}


def test_every_way_of_forwarding_reaches_its_mailbox(service: Service, tmp_path: Path) -> None:
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    together(
        *(
            leave(
                Caller(service.udp, tmp_path, number=route.called, local=route.local),
                file,
                *route.headers,
                uri=f"sip:{route.called}@[remote_ip]:[remote_port]{route.uri_params}",
            )
            for route in ROUTES.values()
        )
    )
    found = {}
    decided = []
    for name, route in ROUTES.items():
        message = service.message(route.mailbox)
        call = service.call_of(message)
        found[name] = (call["mailbox"], call["reason"], call["deflected_by"])
        assert message["reason"] == route.reason, name
        decided.append(moment(call, "decision", mailbox=route.mailbox))
    assert found == {name: (route.mailbox, route.reason, route.deflected_by) for name, route in ROUTES.items()}
    assert min(decided) < 1  # a busy machine may hold up some of them
    assert service.messages("1014") == []


def test_the_caller_is_who_the_peer_asserts_and_withheld_ones_stay_withheld(service: Service, tmp_path: Path) -> None:
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    secret = "+4917055512345"
    asserted = Caller(service.udp, tmp_path, number="1021", from_="<sip:8@127.0.0.1>")
    withheld = Caller(service.udp, tmp_path, number="1022", from_='"Anonymous" <sip:anonymous@anonymous.invalid>')
    plain = Caller(service.udp, tmp_path, number="1023", from_='"Paul Plain" <sip:015155500002@127.0.0.1>')
    together(
        leave(asserted, file, 'P-Asserted-Identity: "Clara Caller" <sip:+4915155500003@pbx>'),
        leave(withheld, file, f"P-Asserted-Identity: <sip:{secret}@pbx>", "Privacy: id"),
        leave(plain, file),
    )

    def caller_of(number: str) -> tuple[object, ...]:
        message = service.message(number)
        return message["caller_number"], message["caller_name"], message["caller_withheld"]

    assert caller_of("1021") == ("+4915155500003", "Clara Caller", 0)
    assert caller_of("1022") == (None, "", 1)
    assert caller_of("1023") == ("+4915155500002", "Paul Plain", 0)
    assert service.call_of(service.message("1022"))["caller"] == "anonymous"
    assert secret.lstrip("+") not in service.log()
    for file in (service.folder / "var").glob("voicebox.db*"):
        assert secret.lstrip("+").encode() not in file.read_bytes()


def test_mails_arrive_once_each_with_and_without_audio(service: Service, letters: Letterbox, tmp_path: Path) -> None:
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    leave(Caller(service.udp, tmp_path, number="1001"), file).run()
    notice = letters.wait_for("anna@example.org")
    copy = letters.wait_for("archive@example.org")
    assert [part.get_content_type() for part in notice.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    (attached,) = copy.iter_attachments()
    assert attached.get_content_type() == "audio/mpeg"
    assert len(attached.get_content()) > 4000
    settled(service)
    assert len(letters.to("anna@example.org")) == len(letters.to("archive@example.org")) == 1


def test_a_confidential_message_is_never_attached(service: Service, letters: Letterbox, tmp_path: Path) -> None:
    file, _ = raw(speech(20), Codec.PCMU, tmp_path / "said.raw")
    caller = Caller(service.udp, tmp_path, number="1006").invite().speak(file).keys("#").pause(SAID_S)
    # Stop, mark as urgent and as confidential, send; then it is voicebox that hangs up.
    caller.keys("#").pause(0.5).keys("451", between_s=0.2).hung_up_on().run()
    message = service.message("1006")
    assert (message["urgent"], message["confidential"]) == (1, 1)
    copy = letters.wait_for("team@example.org")
    assert list(copy.iter_attachments()) == []
    assert "audio" not in {part.get_content_maintype() for part in copy.walk()}
    settled(service)
    assert len(letters.to("team@example.org")) == 1


def test_hanging_up_early_leaves_nothing(service: Service, letters: Letterbox, tmp_path: Path) -> None:
    file, _ = raw(speech(EARLY_S), Codec.PCMU, tmp_path / "said.raw")
    # In the greeting, and within two seconds after the tone (security.md, row 15: no phantom messages).
    together(
        Caller(service.udp, tmp_path, number="1024").invite().speak(file).pause(1).bye(),
        Caller(service.udp, tmp_path, number="1025").invite().speak(file).keys("#").pause(EARLY_S).bye(),
    )
    greeted, recorded = (service.call(number) for number in ("1024", "1025"))
    assert not any(entry["event"] == "record" for entry in greeted["trace"])
    assert moment(recorded, "record", state="end", by="hangup") > moment(recorded, "record", state="begin")
    for number in ("1024", "1025"):
        call = service.call(number)
        assert call["answered_at"] is not None
        assert not any(entry["event"] == "message" for entry in call["trace"])
        assert service.messages(number) == []


def settled(service: Service) -> None:
    """Wait until nothing more is to be sent."""
    eventually(
        lambda: not service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL AND given_up_at IS NULL"),
        "an empty outbox",
    )
