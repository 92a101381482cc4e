"""Calls by SIPp (Debian's sip-tester), a caller we did not write, told step by step what to do.

    Caller(service.udp, folder).invite().keys("#").speak(file).pause(3).bye().run()

Each call is a SIPp process of its own on ports of its own, so that tests can let many of them talk at once.
"""

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from tests.ports import free_port
from tests.system.service import eventually
from voicebox.codec import Codec
from voicebox.ports import Kind, holder_of

PATIENCE_S: Final = 100
AWAITING_S: Final = 600
"""For a SIPp that is called: it begins before whatever will call it, and this is for its whole life."""
SAID_S: Final = 6.0
"""From the key that skips the greeting to hanging up: before the two seconds that a message needs come half a second
of silence, the tone, and whatever holds a busy machine up."""
PRESS_S: Final = 3.0
"""SIPp plays keys in a thread of its own, which a busy machine may keep waiting; it begins with 0.8 s of silence."""
KEY_S: Final = 0.4
SIPP_EVENT_TYPE: Final = 96
"""SIPp's `play_dtmf` sends this payload type, whatever the SDP says."""
EARLY_S: Final = 2.2
"""So long do those speak who hang up too early for a message: 0.75 s of it are over before the recording begins."""
FROM: Final = "<sip:+4915155500001@[local_ip]:[local_port]>"

CONTACT: Final = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"

AUDIO: Final = """\
v=0
o=u 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio {port} RTP/AVP {payload} 96
a=rtpmap:{payload} {codec}/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:20
{more}"""

LOGGED: Final = re.compile(rb"^-+ (\S+ \S+)\n\w+ message (sent|received) \D(\d+)\D* ?bytes\)? ?:\n\n", re.MULTILINE)
"""What SIPp writes before each message of its log: when, which way, and how many bytes follow."""

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a finished SIPp sent and received."""

    messages: bytes

    def received(self, start: str) -> list[str]:
        """Return the messages received whose first line begins so."""
        return [text for _, text in self.log("received") if text.startswith(start)]

    def when(self, direction: str, start: str) -> list[float]:
        """Return when messages whose first line begins with `start` were `sent` or `received`, as Unix times."""
        return [when for when, text in self.log(direction) if text.startswith(start)]

    def log(self, direction: str) -> list[tuple[float, str]]:
        """Return the messages `sent` or `received` with their Unix times, each once: UDP repeats what has no answer.

        One that is still being written is left out.
        """
        first: dict[str, str] = {}
        for entry in LOGGED.finditer(self.messages):
            when, way, size = (each.decode() for each in entry.groups())
            data = self.messages[entry.end() : entry.end() + int(size)]
            if way == direction and len(data) == int(size):
                first.setdefault(data.decode(errors="replace").replace("\r", "").rstrip("\n"), when)
        return [(datetime.fromisoformat(when[:26]).timestamp(), text) for text, when in first.items()]


class Running:
    """A SIPp that is on its way."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def heard(self) -> Heard:
        """Return what it sent and received so far."""
        file = self._folder / "messages.log"
        return Heard(file.read_bytes() if file.exists() else b"")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> Heard:
        """Wait for its end; fails when anything but the script happened."""
        try:
            code = self._process.wait(PATIENCE_S + 10)
        except subprocess.TimeoutExpired:
            self.stop()
            raise
        errors = self._folder / "errors.log"
        log = errors.read_text(errors="replace") if errors.exists() else ""
        heard = self.heard()
        assert code == 0, f"SIPp ended with {code}:\n{log}\n{heard.messages[-6000:].decode(errors='replace')}"
        return heard

    def stop(self) -> None:
        """End it at once, as a phone that loses power."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


class Script:
    """Steps of one SIPp scenario."""

    def __init__(self, folder: Path) -> None:
        serial = next(_serial)
        self.folder = folder / f"sipp-{serial}"
        self.folder.mkdir()
        self._serial = serial
        self._steps: list[str] = []
        self._last = ""

    def send(self, text: str, *, retransmit: bool = True) -> Self:
        """Send a message as it stands; over UDP it is repeated until it is answered."""
        self._last = text
        again = ' retrans="500"' if retransmit else ""
        self._steps.append(f"<send{again}><![CDATA[\n{text}\n]]></send>")
        return self

    def again(self, copies: int = 1) -> Self:
        """Send the last message once more, as a network does that duplicates or delays."""
        for _ in range(copies):
            self.send(self._last, retransmit=False)
        return self

    def expect(self, status: int, *, optional: bool = False, more: str = "", keep: str = "") -> Self:
        """Wait for a response; `keep` takes the number in a header of that name for `[$kept]`."""
        opened = f'<recv response="{status}"{_optional(optional)} {more}'
        if keep:
            found = f'<ereg regexp="[0-9]+" search_in="hdr" header="{keep}:" check_it="true" assign_to="kept"/>'
            self._steps.append(f"{opened}><action>{found}</action></recv>")
        else:
            self._steps.append(f"{opened}/>")
        return self

    def expect_request(self, method: str, *, timeout_s: float | None = None, optional: bool = False) -> Self:
        """Wait for a request of the server."""
        limit = f' timeout="{round(timeout_s * 1000)}"' if timeout_s else ""
        self._steps.append(f'<recv request="{method}"{_optional(optional)}{limit}/>')
        return self

    def answer(self, status: str = "200 OK", *headers: str, body: str = "") -> Self:
        """Answer the request received last."""
        return self.send(
            "\n".join(
                [
                    f"SIP/2.0 {status}",
                    "[last_Via:]",
                    "[last_From:]",
                    "[last_To:]",
                    "[last_Call-ID:]",
                    "[last_CSeq:]",
                    *headers,
                    "Content-Length: [len]",
                    "",
                    body,
                ]
            ),
            retransmit=False,
        )

    def pause(self, length_s: float) -> Self:
        """Let time pass, as people do between what they say and what they press."""
        self._steps.append(f'<pause milliseconds="{round(length_s * 1000)}"/>')
        return self

    def act(self, what: str) -> Self:
        """Do something with media."""
        self._steps.append(f"<nop><action><exec {what}/></action></nop>")
        return self

    def command(self) -> list[str]:
        """Return how to run it, without the addresses."""
        program = shutil.which("sipp")
        assert program is not None, "SIPp is missing: apt install sip-tester"
        (self.folder / "scenario.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="call">\n'
            + "\n".join(self._steps)
            + "\n</scenario>\n"
        )
        return [
            program, "-sf", "scenario.xml", "-nostdin",
            "-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log",
            "-timeout_error",
        ]  # fmt: skip

    def begin(self, *arguments: str, calls: int = 1, within_s: int = PATIENCE_S) -> Running:
        """Start it, for so many calls, all of which must be over in time."""
        process = subprocess.Popen(
            [*self.command(), "-m", str(calls), "-timeout", str(within_s), *arguments],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Running(process, self.folder)

    def await_calls(self, host: str, port: int, transport: Kind = "udp", *, calls: int = 1) -> Running:
        """Start it as one that is called, and return when it listens."""
        way = {"udp": "u1", "tcp": "t1"}[transport]
        running = self.begin("-i", host, "-p", str(port), "-t", way, calls=calls, within_s=AWAITING_S)
        eventually(lambda: running.over or holder_of(transport, host.strip("[]"), port), f"SIPp at port {port}")
        if running.over:
            running.wait()
        return running


class Caller(Script):
    """One caller. Requests outside of a dialog start one; what follows goes on in it."""

    def __init__(
        self,
        server: str,
        folder: Path,
        *,
        number: str = "1001",
        transport: str = "udp",
        local: str = "127.0.0.1",
        from_: str = FROM,
        user: str = "",
        password: str = "",
        port: int = 0,
    ) -> None:
        """Prepare a call to `number`.

        Args:
            server: its address and port.
            folder: for scripts and logs.
            number: user part of the Request-URI.
            transport: udp or tcp.
            local: our own address.
            from_: the From header's value, without a tag.
            user: of a device, which will answer a challenge with `password`.
            password: the device's.
            port: our own; 0 is any.
        """
        super().__init__(folder)
        self._server = server
        self._transport = transport
        self._local = local
        self._from = from_
        self._user, self._password = user, password
        self._port = port
        self._proven = ""
        """The URI in the digest, which SIPp takes for a whole run."""
        self._uri = f"sip:{number}@[remote_ip]:[remote_port]"
        self._to = f"<{self._uri}>"
        self._cseq = 0
        self._branch = 0
        self._payload = Codec.PCMU.value.payload_type
        self._sdp_version = 0

    # -- messages

    def request(
        self,
        method: str,
        *headers: str,
        uri: str = "[next_url]",
        body: str = "",
        kind: str = "application/sdp",
        cseq: int | None = None,
        branch: str | None = None,
        contact: bool | str = True,
        retransmit: bool = True,
    ) -> Self:
        """Send a request, within the dialog unless a `uri` is given."""
        if method == "ACK":
            cseq = self._cseq if cseq is None else cseq
        elif cseq is None:
            self._cseq += 1
            cseq = self._cseq
        if branch is None:
            self._branch += 1
            branch = self._at(self._branch)
        inside = uri == "[next_url]"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
            *(["[routes]"] if inside else []),
            f"From: {self._from};tag=[pid]-{self._serial}",
            f"To: {self._to}" + ("[peer_tag_param]" if inside else ""),
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            *([f"Contact: {contact}"] if isinstance(contact, str) else [CONTACT] if contact else []),
            "Max-Forwards: 70",
            *headers,
            *([f"Content-Type: {kind}"] if body else []),
            "Content-Length: [len]",
            "",
            body,
        ]
        return self.send("\n".join(lines), retransmit=retransmit and method != "ACK")

    def sdp(
        self, codec: Codec = Codec.PCMU, *, more: Iterable[str] = (), by_keys: bool = False, port: str | None = None
    ) -> str:
        """Return a description of our audio; `by_keys` takes the port that `press` sends from."""
        self._sdp_version += 1
        self._payload = codec.value.payload_type
        return (
            AUDIO.format(
                version=self._sdp_version,
                port=port or ("[media_port]" if by_keys else "[rtpstream_audio_port]"),
                payload=self._payload,
                codec=codec.value.encoding,
                more="\n".join(more),
            ).rstrip("\n")
            + "\n"
        )

    def invite(
        self,
        *headers: str,
        uri: str | None = None,
        body: str | None = None,
        codec: Codec = Codec.PCMU,
        by_keys: bool = False,
    ) -> Self:
        """Call, wait until it is answered, and acknowledge."""  # fmt: skip
        body = self.sdp(codec, by_keys=by_keys) if body is None else body
        uri = uri or self._uri
        if self._user:
            self.request("INVITE", *headers, uri=uri, body=body).expect(100, optional=True)
            self.expect(401, more='auth="true"').acknowledge_refusal(uri)
            self._proven = uri
            headers = (*headers, f"[authentication username={self._user} password={self._password}]")
        self.request("INVITE", *headers, uri=uri, body=body)
        return self.answered()

    def authorized(
        self,
        method: str,
        *headers: str,
        uri: str | None = None,
        status: int = 200,
        contact: bool | str = True,
        opens: bool = False,
    ) -> Self:
        """Send a request outside of a dialog, answer the challenge, and expect the outcome.

        `opens` makes what follows part of the dialog that it opens.
        """
        uri = self._proven = uri or self._uri
        self.request(method, *headers, uri=uri, contact=contact).expect(401, more='auth="true"')
        proof = f"[authentication username={self._user} password={self._password}]"
        return self.request(method, *headers, proof, uri=uri, contact=contact).expect(
            status, more='rrs="true"' if opens else ""
        )

    def for_number(self, number: str) -> Self:
        """Ask for another number's things; whose phone it is stays."""
        self._to = f"<sip:{number}@voicebox.example>"
        return self

    def with_password(self, password: str) -> Self:
        """Use another password from now on."""
        self._password = password
        return self

    def stays(self) -> Self:
        """Take every NOTIFY that comes from now on."""
        self._steps.append('<label id="stay"/><recv request="NOTIFY" timeout="90000"/>')
        self.answer()
        self._steps.append('<nop next="stay"/>')
        return self

    def answered(self, *, answer: str = "") -> Self:
        """Wait for the 200 and acknowledge it, with our `answer` where the server was to offer."""
        self.expect(100, optional=True).expect(180, optional=True).expect(200, more='rrs="true"')
        return self.request("ACK", body=answer)

    def refused(self, status: int, *headers: str, uri: str | None = None, body: str | None = None) -> Self:
        """Call, and be refused with `status`."""
        uri = uri or self._uri
        self.request("INVITE", *headers, uri=uri, body=self.sdp() if body is None else body)
        return self.expect(100, optional=True).expect(status).acknowledge_refusal(uri)

    def acknowledge_refusal(self, uri: str | None = None) -> Self:
        """Acknowledge a final response that is no 2xx: same branch, same URI (RFC 3261 section 17.1.1.3)."""
        text = (
            f"ACK {uri or self._uri} SIP/2.0\n"
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self._at(self._branch)}\n"
            f"From: {self._from};tag=[pid]-{self._serial}\n"
            "[last_To:]\n"
            "Call-ID: [call_id]\n"
            f"CSeq: {self._cseq} ACK\n"
            "Max-Forwards: 70\nContent-Length: 0\n\n"
        )
        return self.send(text, retransmit=False)

    def cancel(self) -> Self:
        """Give up the INVITE sent last."""
        text = (
            f"CANCEL {self._uri} SIP/2.0\n"
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self._at(self._branch)}\n"
            f"From: {self._from};tag=[pid]-{self._serial}\n"
            f"To: {self._to}\n"
            "Call-ID: [call_id]\n"
            f"CSeq: {self._cseq} CANCEL\n"
            "Max-Forwards: 70\nContent-Length: 0\n\n"
        )
        return self.send(text)

    def reinvite(self, *headers: str, more: Iterable[str] = (), body: str | None = None, status: int = 200) -> Self:
        """Offer anew within the call."""
        self.request("INVITE", *headers, body=self.sdp(more=more) if body is None else body)
        self.expect(100, optional=True).expect(status, more='rrs="true"' if status == 200 else "")
        return self.request("ACK") if status == 200 else self._refused_within()

    def _refused_within(self) -> Self:
        return self.request("ACK", branch=self._at(self._branch))

    def bye(self) -> Self:
        """Hang up."""
        return self.request("BYE").expect(200)

    def silent_bye(self) -> Self:
        """Say no more, and hang up: nothing is underway then."""
        return self.hush().pause(0.2).bye()

    def hung_up_on(self, *, timeout_s: float = 60) -> Self:
        """Wait for the server's BYE."""
        return self.expect_request("BYE", timeout_s=timeout_s).answer()

    # -- media

    def keys(self, keys: str, *, between_s: float = 0.0) -> Self:
        """Send keys by INFO, the way that needs no media."""
        for key in keys:
            body = f"Signal={key}\nDuration=160\n"
            self.request("INFO", body=body, kind="application/dtmf-relay").expect(200)
            if between_s:
                self.pause(between_s)
        return self

    def press(self, keys: str) -> Self:
        """Send keys as RFC 4733 events; SIPp does so by a raw socket, which needs root or CAP_NET_RAW.

        What follows cuts it off.
        """
        return self.act(f'play_dtmf="{keys}"').pause(PRESS_S + KEY_S * len(keys))

    def speak(self, file: Path) -> Self:
        """Begin to send raw G.711."""
        return self.act(f'rtp_stream="{file},1,{self._payload}"')

    def hush(self) -> Self:
        """Stop sending for a while."""
        return self.act('rtp_stream="pause"')

    def go_on(self) -> Self:
        """Go on sending."""
        return self.act('rtp_stream="resume"')

    # -- running

    def start(self) -> Running:
        """Begin the call."""
        host, _, port = self._server.rpartition(":")
        own = str(self._port or free_port(self._local, self._transport))
        options = ["-i", self._local, "-p", own, "-mi", self._local]
        options += ["-t", {"udp": "u1", "tcp": "t1"}[self._transport]]
        if self._proven:
            proven = self._proven.replace("[remote_ip]", host).replace("[remote_port]", port)
            options += ["-auth_uri", proven.removeprefix("sip:")]
        return self.begin(self._server, *options)

    def run(self) -> Heard:
        """Make the whole call."""
        return self.start().wait()

    def _at(self, branch: int) -> str:
        return f"z9hG4bK-[pid]-{self._serial}-{branch}"


def together(*callers: Caller) -> list[Heard]:
    """Make calls at the same time."""
    running = [caller.start() for caller in callers]
    return [each.wait() for each in running]


def _optional(optional: bool) -> str:
    return ' optional="true"' if optional else ""
