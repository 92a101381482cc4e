"""SIP as the load generator speaks it (RFC 3261): requests written from templates, responses read by a few patterns.

Ours, but not the server's: nothing of `ivr.sip` is used, so that a mistake there cannot cancel itself out. The
generator sends correct requests only and reads what a correct server sends.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

Address = tuple[str, int]

_STATUS: Final = re.compile(rb"SIP/2\.0 (\d{3})")
_CSEQ: Final = re.compile(rb"\r\nCSeq:\s*(\d+)\s+(\w+)", re.IGNORECASE)
_CALL_ID: Final = re.compile(rb"\r\n(?:Call-ID|i):\s*(\S+)", re.IGNORECASE)
_TO: Final = re.compile(rb"\r\n(?:To|t):[^\r]*?;tag=([^;\r\s]+)", re.IGNORECASE)
_CONTACT: Final = re.compile(rb"\r\n(?:Contact|m):[^\r]*?<([^>]+)>", re.IGNORECASE)
_AUDIO: Final = re.compile(rb"\r?\nm=audio (\d+) ")
_CONNECTION: Final = re.compile(rb"\r?\nc=IN IP4 ([0-9.]+)")
_ECHOED: Final = re.compile(rb"\r\n((?:Via|v|From|f|To|t|Call-ID|i|CSeq):[^\r]*)", re.IGNORECASE)
_CHALLENGE: Final = re.compile(rb'\r\nWWW-Authenticate: Digest realm="([^"]*)", nonce="([^"]*)", algorithm=SHA-256')
_WAITING: Final = re.compile(rb"\r\nVoice-Message:\s*(\d+)/", re.IGNORECASE)
_URI_USER: Final = re.compile(rb"\w+ sips?:([^@;> ]+)@")


@dataclass(frozen=True, slots=True)
class Dialog:
    """One call as its caller sees it."""

    call_id: str
    number: str
    """Whom it calls."""
    caller: str
    """The caller's number, in E.164."""
    server: Address
    here: Address
    """Where the generator speaks SIP."""

    def invite(self, rtp_port: int) -> bytes:
        """Return the INVITE: PCMU and telephone-events of 20 ms offered at `rtp_port`."""
        host = self.here[0]
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {rtp_port} RTP/AVP 0 101\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
            "a=ptime:20\r\na=sendrecv\r\n"
        )
        more = (
            f"P-Asserted-Identity: <sip:{self.caller}@{host}>\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
            "Content-Type: application/sdp\r\n"
        )
        return self._request("INVITE", self._called, cseq=1, more=more, body=body)

    def ack(self, target: str, to_tag: str) -> bytes:
        """Return the ACK to the 2xx."""
        return self._request("ACK", target, cseq=1, to_tag=to_tag)

    def bye(self, target: str, to_tag: str) -> bytes:
        """Return the BYE."""
        return self._request("BYE", target, cseq=2, to_tag=to_tag)

    @property
    def _called(self) -> str:
        return f"sip:{self.number}@{self.server[0]}:{self.server[1]}"

    def _request(self, method: str, uri: str, *, cseq: int, to_tag: str = "", more: str = "", body: str = "") -> bytes:
        host, port = self.here
        tag = f";tag={to_tag}" if to_tag else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.call_id}{method};rport\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <sip:{self.caller}@{host}>;tag=c{self.call_id}\r\n"
            f"To: <{self._called}>{tag}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:caller@{host}:{port}>\r\n"
            f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@dataclass(frozen=True, slots=True)
class Account:
    """A phone that registers and watches its message light."""

    number: str
    password: str
    realm: str
    server: Address
    here: Address

    def request(self, method: str, cseq: int, challenge: tuple[str, str] | None = None) -> bytes:
        """Return a REGISTER or SUBSCRIBE, with credentials once there is a challenge (realm and nonce)."""
        host, port = self.here
        address = f"sip:{self.number}@{self.server[0]}:{self.server[1]}"
        uri = address if method == "SUBSCRIBE" else f"sip:{self.server[0]}:{self.server[1]}"
        more = (
            "Event: message-summary\r\nAccept: application/simple-message-summary\r\n" if method == "SUBSCRIBE" else ""
        )
        if challenge is not None:
            more += f"Authorization: {self._credentials(method, uri, *challenge)}\r\n"
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.number}{method}{cseq};rport\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <{address}>;tag=p{self.number}{method}\r\n"
            f"To: <{address}>\r\n"
            f"Call-ID: {self.call_id(method)}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{self.number}@{host}:{port}>\r\n"
            f"Expires: 3600\r\n{more}Content-Length: 0\r\n\r\n"
        ).encode()

    def call_id(self, method: str) -> str:
        """Return the Call-ID of the phone's REGISTERs or SUBSCRIBEs."""
        return f"{method}.{self.number}"

    def _credentials(self, method: str, uri: str, realm: str, nonce: str) -> str:
        """Answer a challenge (RFC 7616 section 3.4 with SHA-256 and qop=auth)."""
        secret = _sha256(f"{self.number}:{realm}:{self.password}")
        answer = _sha256(f"{secret}:{nonce}:00000001:bench:auth:{_sha256(f'{method}:{uri}')}")
        return (
            f'Digest username="{self.number}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=SHA-256, '
            f'qop=auth, nc=00000001, cnonce="bench", response="{answer}"'
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def status_of(message: bytes) -> int:
    """Return a response's status, 0 for a request."""
    found = _STATUS.match(message)
    return int(found[1]) if found else 0


def method_of(message: bytes) -> str:
    """Return the method that a message belongs to."""
    found = _CSEQ.search(message)
    return found[2].decode() if found else ""


def cseq_of(message: bytes) -> int:
    """Return the number of a message's CSeq."""
    found = _CSEQ.search(message)
    return int(found[1]) if found else 0


def call_id_of(message: bytes) -> str:
    """Return a message's Call-ID."""
    found = _CALL_ID.search(message)
    return found[1].decode() if found else ""


def answer_of(message: bytes) -> tuple[str, str, Address] | None:
    """Return what a 200 to an INVITE says: target, To tag, and where audio goes; None if it does not say it all."""
    contact, tag, audio, at = (each.search(message) for each in (_CONTACT, _TO, _AUDIO, _CONNECTION))
    if not (contact and tag and audio and at):
        return None
    return contact[1].decode(), tag[1].decode(), (at[1].decode(), int(audio[1]))


def challenge_of(message: bytes) -> tuple[str, str] | None:
    """Return realm and nonce of the SHA-256 challenge in a 401."""
    found = _CHALLENGE.search(message)
    return (found[1].decode(), found[2].decode()) if found else None


def notified(message: bytes) -> tuple[str, int] | None:
    """Return for whom a NOTIFY is and how many new messages it tells of."""
    user, waiting = _URI_USER.match(message), _WAITING.search(message)
    return (user[1].decode(), int(waiting[1])) if user and waiting else None


def ok_to(request: bytes) -> bytes:
    """Return the 200 to a request."""
    echoed = b"\r\n".join(_ECHOED.findall(request.partition(b"\r\n\r\n")[0]))
    return b"SIP/2.0 200 OK\r\n" + echoed + b"\r\nContent-Length: 0\r\n\r\n"
