"""One key is one key, by whatever way and however often it comes (security.md, row 20)."""

import socket
import struct
from pathlib import Path

import pytest

from tests.system.called import connection_of
from tests.system.service import PIN, Service
from tests.system.subscriber import LOGIN_S, prompts
from tests.system.test_system_portal import portal, record_of, type_fast
from tests.system.wire import Wire

pytestmark = pytest.mark.system

TRUNK = "127.0.0.3"
VOUCHED_FOR = "+491701234507"
HEARD_S = 30
EVENT_TYPE = 96
EVENTS = """\
v=0
o=u 1 1 IN IP4 {host}
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0 96
a=rtpmap:96 telephone-event/8000
"""


def typed(service: Service, caller: str) -> str:
    """Return the keys of a call, in the order in which they were pressed; a passcode's are not among them."""
    return "".join(entry["key"] for entry in record_of(service, caller)["trace"] if entry["event"] == "key")


def test_security_row_20_a_key_by_rfc_4733_is_one_key_though_it_is_seven_packets(
    service: Service, tmp_path: Path
) -> None:
    caller = portal(service, tmp_path, from_number="+4915155500201").invite(by_keys=True).pause(1)
    caller.press("1001#").press(f"{PIN}#").pause(LOGIN_S).press("8").press("*").press("8").pause(0.5).bye().run()
    assert typed(service, "+4915155500201") == "1001#88", "* in the middle takes back a passcode, which is secret"


def test_security_row_20_a_key_by_info_is_taken_without_any_rtp_event(service: Service, tmp_path: Path) -> None:
    caller = portal(service, tmp_path, from_number="+4915155500202").invite()
    caller.keys(f"1001#{PIN}#").pause(LOGIN_S).keys("1").pause(0.5).keys("1").pause(0.5).bye().run()
    assert typed(service, "+4915155500202") == "1001#11"


def packets_of(key: int) -> list[bytes]:
    """Return the packets of a key that is pressed once (RFC 4733): held for 80 ms, and its end three times."""
    events = [(held, 0) for held in range(0, 640, 160)] + [(640, 0x80)] * 3
    return [
        struct.pack(">BBHIIBBH", 0x80, EVENT_TYPE, serial, 8000, 20, key, ended | 10, held)
        for serial, (held, ended) in enumerate(events)
    ]


def test_security_row_20_a_key_by_both_ways_at_once_counts_once(service: Service) -> None:
    # The trunk vouches for 1007's number, whose mailbox opens without a PIN.
    with Wire(service.udp, TRUNK) as wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind((TRUNK, 0))
        media.settimeout(HEARD_S)
        offer = EVENTS.format(host=TRUNK, port=media.getsockname()[1])
        wire.send(wire.request("INVITE", "8000", f"P-Asserted-Identity: <sip:{VOUCHED_FOR}@{TRUNK}>", body=offer))
        answer = wire.final(200)
        wire.send(wire.within(answer, "ACK"))
        there = connection_of(answer.replace("\r", ""))
        for packet in packets_of(1):
            media.sendto(packet, there)
        assert type_fast(wire, answer, "1") == 1
        for _ in range(100):  # packets: two seconds, in which the menu begins
            media.recv(65536)
        wire.send(wire.within(answer, "BYE", cseq=3))
        wire.final(200)
    assert typed(service, VOUCHED_FOR) == "1"
    record = record_of(service, VOUCHED_FOR)
    assert record["rtp"]["received"] == len(packets_of(1)), "both ways came"
    assert set(prompts(record)) == {"menu-mailbox"}, "a second 1 would be its first choice"
