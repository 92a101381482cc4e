"""Strangers learn nothing, and what is no SIP harms nobody."""

import re
import socket
from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller
from tests.system.service import Service, eventually
from tests.system.wire import Wire, pcmu, without_chance
from voicebox.codec import Codec

pytestmark = pytest.mark.system

STRANGER = "127.0.0.9"
CLOSED_S = 30
"""For a TCP connection that has sent what is no SIP."""
NUMBERS = ("1001", "1002", "4711", "8000", "+492115551001", "anybody")


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "SUBSCRIBE", "REGISTER"])
def test_strangers_get_the_same_answer_for_every_number(service: Service, method: str) -> None:
    with Wire(service.udp, f"127.0.2.{len(method)}") as wire:
        answers = {
            number: without_chance(wire.ask(method, number, "Event: message-summary", body=pcmu()))
            for number in NUMBERS
        }
    (only,) = {answer.replace(number, "N") for number, answer in answers.items()}
    assert only.startswith("SIP/2.0 401")


def test_strangers_methods_are_answered_without_telling(service: Service) -> None:
    with Wire(service.udp, "127.0.2.20") as wire:
        for method in ("MESSAGE", "REFER", "PUBLISH", "NOTIFY", "BYE"):
            first, second = (without_chance(wire.ask(method, number)) for number in ("1001", "4711"))
            assert first.replace("1001", "N") == second.replace("4711", "N")
            assert first.startswith("SIP/2.0 4")


def test_a_strangers_flood_is_turned_away_and_logged_for_fail2ban(service: Service, tmp_path: Path) -> None:
    with Wire(service.udp, STRANGER) as wire:
        # All at once: five more a second are taken, and a busy machine would take its time for one after the other.
        for number in range(1000, 1120):
            wire.send(wire.request("INVITE", f"{number}", body=pcmu()))
        refused: set[str] = set()
        while len(refused) <= 20:
            answer = wire.receive()
            assert answer is not None, f"only {len(refused)} were turned away"
            if answer.startswith("SIP/2.0 503"):
                assert "Retry-After: " in answer
                refused.update(re.findall(r"^CSeq: .*$", answer, re.MULTILINE))
    eventually(lambda: '"sip_refused"' in service.log(), "a line for fail2ban")
    assert f'"ip": "{STRANGER}"' in service.log()
    # Peers notice nothing of it.
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    Caller(service.udp, tmp_path, number="1030").invite().speak(file).keys("#").pause(SAID_S).bye().run()
    service.message("1030")


MALFORMED = {
    "no header at all": b"INVITE sip:1001@127.0.0.1 SIP/2.0\r\n\r\n",
    "no request line": b"hello\r\n\r\n",
    "another protocol": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "nothing but zeros": b"\0" * 500,
    "keep-alive": b"\r\n\r\n",
    "no bytes": b"",
    "every byte": bytes(range(256)),
    "endless line": b"INVITE sip:" + b"a" * 60000 + b"@x SIP/2.0\r\n\r\n",
    "a thousand headers": b"OPTIONS sip:x SIP/2.0\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
}


def test_what_is_no_sip_is_dropped_and_the_service_goes_on(service: Service) -> None:
    with Wire(service.udp) as wire:
        for data in MALFORMED.values():
            wire.send(data)
            assert wire.alive()
    host, _, port = service.tcp.rpartition(":")
    for data in MALFORMED.values():
        with socket.create_connection((host, int(port)), CLOSED_S) as stream:
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(65536):  # until the server closes it, whatever it answers first
                pass
    with Wire(service.udp) as wire:
        assert wire.alive()


BROKEN = {
    "negative Content-Length": ("Content-Length: 0", "Content-Length: -5"),
    "Content-Length beyond the datagram": ("Content-Length: 0", "Content-Length: 5000"),
    "CSeq of another method": (" INVITE\r\n", " BYE\r\n"),
    "CSeq without a number": ("CSeq: 1", "CSeq: one"),
    "two Call-IDs": ("Call-ID:", "Call-ID: another\r\nCall-ID:"),
    "unclosed From": ("From: <", 'From: "unclosed <'),
    "another version": ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
}


def test_broken_requests_that_can_be_answered_get_400_or_505(service: Service) -> None:
    for what, (sound, broken) in BROKEN.items():
        with Wire(service.udp) as wire:
            text = wire.request("INVITE").decode()
            assert sound in text, what
            wire.send(text.replace(sound, broken, 1).encode())
            answer = wire.receive()
            assert answer is not None, what
            assert answer.startswith(("SIP/2.0 400", "SIP/2.0 505")), (what, answer)
            assert wire.alive()


def test_a_forged_response_and_a_stray_ack_change_nothing(service: Service) -> None:
    with Wire(service.udp) as wire:
        wire.send(wire.request("ACK"))
        wire.send(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKforged\r\nFrom: <sip:a@b>;tag=1\r\n"
                  b"To: <sip:c@d>;tag=2\r\nCall-ID: forged\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")  # fmt: skip
        assert wire.alive()
