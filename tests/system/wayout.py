"""A voicebox with a way out, and the exchange that its calls go out by: SIPp at an address of its own, like a PBX."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.ports import free_port
from tests.system.caller import Heard, Running, Script
from tests.system.service import Service, directory_of

EXCHANGE: Final = "127.0.0.2"
REFERRED: Final = "127.0.0.3"
OUTSIDE: Final = "+492115559999"
COLLEAGUE: Final = "1015"
"""Whom 1014 sends callers to."""
CONFIG: Final = """
[[sip.peer]]
name = "exchange"
address = "{exchange}:{port}"
[[sip.peer]]
name = "transfers"
address = "{referred}"
refer = true
[outbound]
peer = "exchange"
allow = ["+49"]
"""
SDP: Final = """\
v=0
o=- 1 1 IN IP4 127.0.0.2
s=-
c=IN IP4 127.0.0.2
t=0 0
m=audio 39000 RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
"""


@dataclass(frozen=True, slots=True)
class House:
    """A voicebox with a way out, and the exchange's port."""

    service: Service
    port: int


def directory() -> str:
    """Return the example company, whose subscribers send callers to a number outside, may call back and make calls."""
    text = directory_of().replace('area_code = "211"\n', 'area_code = "211"\ncall_back = true\nmake_calls = true\n', 1)
    text = text.replace("pin_is_final = true\n", f'pin_is_final = true\nzero_out = "{OUTSIDE}"\n')
    before, here, after = text.partition('number = "1014"')
    return before + here + after.replace(OUTSIDE, COLLEAGUE, 1)


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[House]:
    """Run a voicebox whose calls go out to the exchange; `options` are those of `Service`."""
    port = free_port(EXCHANGE)
    more = CONFIG.format(exchange=EXCHANGE, port=port, referred=REFERRED)
    service = Service(folder, more=more, directory=directory(), **options)
    service.apply().start()
    yield House(service, port)
    assert service.stop() == 0, service.log()[-3000:]


class Target(Script):
    """The exchange: what it does with the call that comes in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._steps.append('<recv request="INVITE" rrs="true"/>')
        self.answers("100 Trying")

    def answers(self, status: str, *more: str, body: str = "", cseq: str = "[last_CSeq:]") -> Self:
        """Answer the INVITE in our side of the dialog."""
        kind = ("Content-Type: application/sdp",) if body else ()
        lines = [f"SIP/2.0 {status}", "[last_Via:]", "[last_From:]", "[last_To:];tag=exchange", "[last_Call-ID:]"]
        return self.send("\n".join([*lines, cseq, *more, *kind, "Content-Length: [len]", "", body]), retransmit=False)

    def refuses(self, status: str) -> Self:
        """Turn the call away."""
        return self.answers("180 Ringing").answers(status).expect_request("ACK")

    def picks_up(self) -> Self:
        """Ring, and answer."""
        self.answers("180 Ringing").pause(0.3)
        self.answers("200 OK", "Contact: <sip:exchange@[local_ip]:[local_port]>", body=SDP)
        keep = '<ereg regexp=".*" search_in="hdr" header="{}:" assign_to="{}"/>'
        kept = keep.format("From", "theirs") + keep.format("To", "ours")
        self._steps.append(f'<recv request="ACK"><action>{kept}</action></recv>')
        return self

    def hangs_up(self) -> Self:
        """Hang up after a talk."""
        bye = (
            "BYE [next_url] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n"
            "From:[$ours]\nTo:[$theirs]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n"
        )
        return self.pause(1).send(bye).expect(200)

    def cancelled(self) -> Self:
        """Ring until the call is given up."""
        self.answers("180 Ringing").expect_request("CANCEL").answer("200 OK")
        return self.answers("487 Request Terminated", cseq="CSeq: 1 INVITE").expect_request("ACK")


def transfers(call: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in call["trace"] if entry["event"] == "transfer"]


def header(message: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.*)$", message, re.MULTILINE | re.IGNORECASE)


def connected(heard: Heard) -> str:
    """Return the one INVITE that the exchange got."""
    (invite,) = heard.received("INVITE")
    return invite


def begin(script: Script, house: House) -> Running:
    """Let the exchange wait for a call."""
    return script.await_calls(EXCHANGE, house.port)
