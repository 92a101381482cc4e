"""Phones that are called: SIPp registers, waits at the same port, and does with the call what it was told."""

import re
from pathlib import Path
from typing import Final, Self

from tests.ports import free_port
from tests.system.caller import Caller, Running, Script
from tests.system.service import Service, device_password
from tests.system.wire import Wire

REGISTRAR: Final = "sip:[remote_ip]:[remote_port]"
LIGHT_S: Final = 30.0
"""For the NOTIFY that follows a REGISTER, which may have come while SIPp still registered, and comes again then."""
AUDIO: Final = """\
v=0
o=phone 1 {version} IN IP4 {host}
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=sendrecv
"""


class Called(Script):
    """One phone of a mailbox, at an address of its own."""

    def __init__(self, service: Service, folder: Path, number: str, *, host: str, port: int = 0) -> None:
        super().__init__(folder)
        self._service = service
        self._number = number
        self._host = host
        self._port = port or free_port(host)
        self._version = 0
        self._place = folder

    def audio(self, port: int) -> str:
        """Return a description of its audio at a port, where nothing listens."""
        self._version += 1
        return AUDIO.format(version=self._version, host=self._host, port=port)

    def registers(self) -> Self:
        """Register, and be gone: whoever calls now finds nobody until `waits`."""
        Caller(
            self._service.udp,
            self._place,
            number=self._number,
            local=self._host,
            port=self._port,
            from_=f"<sip:{self._number}@voicebox.example>",
            user=self._number,
            password=device_password(self._number),
        ).authorized("REGISTER", "Expires: 600", uri=REGISTRAR).run()
        self._take_light()
        return self

    def _take_light(self) -> None:
        """Answer the NOTIFY that follows the REGISTER: repeated, it would be a call of its own to SIPp."""
        with Wire(self._service.udp, self._host, port=self._port, answer_s=LIGHT_S) as light:
            while (notify := light.receive()) is not None and not notify.startswith("NOTIFY "):
                pass  # what is left of the REGISTER
            assert notify is not None, "no NOTIFY came"
            said = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")
            lines = [line for line in notify.split("\r\n") if line.startswith(said)]
            light.send("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]).encode())
            light.ask("OPTIONS")  # whoever answers this has read that before, and repeats the NOTIFY no more

    def says(self, status: str, *, body: str = "", contact: str = "") -> Self:
        """Answer the INVITE; `contact` is a URI, by default the phone's own."""
        kind = ["Content-Type: application/sdp"] if body else []
        text = [
            f"SIP/2.0 {status}",
            "[last_Via:]",
            "[last_Record-Route:]",
            "[last_From:]",
            f"[last_To:];tag={self._tag}",
            "[last_Call-ID:]",
            "[last_CSeq:]",
            f"Contact: <{contact or f'sip:{self._number}@[local_ip]:[local_port]'}>",
            *kind,
            "Content-Length: [len]",
            "",
            body,
        ]
        return self.send("\n".join(text), retransmit=False)

    @property
    def _tag(self) -> str:
        return f"phone{self._port}"

    def called(self) -> Self:
        """Wait for a call."""
        return self.expect_request("INVITE", timeout_s=60)

    def picks_up(self, port: int) -> Self:
        """Answer, and wait for the ACK."""
        return self.says("200 OK", body=self.audio(port)).expect_request("ACK")

    def refuses(self, status: str) -> Self:
        """Turn the call away."""
        return self.says(status).expect_request("ACK")

    def deflects(self, to: str) -> Self:
        """Send the call on to a URI, as the key "divert" does."""
        return self.says("180 Ringing").pause(0.3).says("302 Moved Temporarily", contact=to).expect_request("ACK")

    def cancelled(self) -> Self:
        """Wait to be cancelled; the INVITE, number 1, is answered 487."""
        self.expect_request("CANCEL", timeout_s=60).answer()
        text = [
            "SIP/2.0 487 Request Terminated",
            "[last_Via:]",
            "[last_From:]",
            f"[last_To:];tag={self._tag}",
            "[last_Call-ID:]",
            "CSeq: 1 INVITE",
            "Content-Length: 0",
            "",
        ]
        return self.send("\n".join(text), retransmit=False).expect_request("ACK")

    def hung_up_on(self) -> Self:
        """Wait for the BYE."""
        return self.expect_request("BYE", timeout_s=60).answer()

    def waits(self) -> Running:
        """Register, and wait for the call."""
        return self.registers().listens()

    def listens(self) -> Running:
        """Wait for the call, without having registered."""
        return self.await_calls(self._host, self._port)


def body_of(message: str) -> str:
    """Return a message's body, as it is."""
    return message.partition("\n\n")[2].strip()


def connection_of(body: str) -> tuple[str, int]:
    """Return where a description wants its audio."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    port = re.search(r"^m=audio (\d+) ", body, re.MULTILINE)
    assert host is not None
    assert port is not None
    return host[1], int(port[1])
