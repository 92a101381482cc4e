"""A bare SIP socket: for what no phone would send, and for senders that voicebox does not know."""

import re
import socket
from typing import Final, Self

ANSWER_S: Final = 20.0


class Wire:
    """A UDP socket at an address of our choice that sends bytes to a server."""

    def __init__(self, server: str, local: str = "127.0.0.1", *, port: int = 0, answer_s: float = ANSWER_S) -> None:
        host, _, there = server.rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((local, port))
        self._socket.settimeout(answer_s)
        self._server = (host, int(there))
        self.place = f"{local}:{self._socket.getsockname()[1]}"
        self._serial = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        self._socket.sendto(data, self._server)

    def receive(self) -> str | None:
        """Return the next datagram; None when none came for a while."""
        try:
            return self._socket.recv(65536).decode(errors="replace")
        except TimeoutError:
            return None

    def request(self, method: str, number: str = "1001", *headers: str, body: str = "") -> bytes:
        """Return a request that starts something."""
        self._serial += 1
        lines = [
            f"{method} sip:{number}@{self._server[0]}:{self._server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.place};branch=z9hG4bK{self._serial};rport",
            f"From: <sip:wire@{self.place}>;tag=wire",
            f"To: <sip:{number}@{self._server[0]}>",
            f"Call-ID: wire-{self._serial}@{self.place}",
            f"CSeq: {self._serial} {method}",
            f"Contact: <sip:wire@{self.place}>",
            "Max-Forwards: 70",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    def ask(self, method: str, number: str = "1001", *headers: str, body: str = "") -> str:
        """Send a request and return the final response to it."""
        self.send(self.request(method, number, *headers, body=body))
        serial = self._serial
        while (answer := self.receive()) is not None:
            if f"CSeq: {serial} {method}" in answer and not answer.startswith("SIP/2.0 1"):
                return answer
        raise AssertionError(f"{method} {number} was not answered")

    def within(self, answer: str, method: str, *, cseq: int = 0, body: str = "", kind: str = "") -> bytes:
        """Return a request in the dialog that an answer to the last request opened."""

        def value(name: str) -> str:
            found = re.search(rf"^{name}: (.*)$", answer.replace("\r", ""), re.MULTILINE)
            assert found is not None
            return str(found[1])

        number = cseq or int(value("CSeq").split()[0]) + (method != "ACK")
        lines = [
            f"{method} {value('Contact').strip('<>')} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.place};branch=z9hG4bK{self._serial}{method}{number};rport",
            f"From: {value('From')}",
            f"To: {value('To')}",
            f"Call-ID: {value('Call-ID')}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            *([f"Content-Type: {kind}"] if kind else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    def final(self, status: int) -> str:
        """Return the next final response, which must have this status."""
        while (answer := self.receive()) is not None:
            if not answer.startswith("SIP/2.0 1"):
                assert answer.startswith(f"SIP/2.0 {status} "), answer
                return answer
        raise AssertionError(f"no {status} came")

    def alive(self) -> bool:
        """Tell whether the server still answers."""
        return self.ask("OPTIONS", "ping").startswith("SIP/2.0 200")


def without_chance(response: str) -> str:
    """Return a response without what differs from one to the next: tags, nonces, and what mirrors the request."""
    lines = [line for line in response.splitlines() if not re.match(r"(Via|Call-ID|CSeq):", line)]
    text = re.sub(r";tag=[^;\s]+", ";tag=T", "\n".join(lines))
    text = re.sub(r'nonce="[^"]*"', 'nonce="N"', text)
    return re.sub(r'opaque="[^"]*"', 'opaque="O"', text)


def pcmu(port: int = 40_000) -> str:
    """Return an offer of G.711 at a port of this machine, by default one where nobody listens."""
    return f"""\
v=0
o=u 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 0
"""
