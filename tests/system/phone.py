"""baresip, a softphone we did not write (Debian's baresip-core), driven over its control port.

It speaks from a file and writes what it hears to a file; keys go out as RFC 4733 events.
"""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import soundfile

from tests.ports import free_port
from tests.system.audio import RATE_HZ, Pcm
from tests.system.service import EVENTUALLY_S, eventually
from voicebox.demo.hearing import recognise

MODULES: Final = ("g711", "aufile", "sndfile", "menu", "account", "ctrl_tcp", "uuid")
CONFIG: Final = """\
poll_method epoll
sip_listen {listen}
audio_source aufile,{folder}/said.wav
audio_alert aufile,{folder}/said.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode thread
audio_level no
rtcp_mux no
jitter_buffer_delay 5-10
rtp_ports 10000-19998
net_interface {interface}
module_path {modules}
{loaded}
ctrl_tcp_listen 127.0.0.1:{port}
snd_path {folder}/heard
"""
WAV_HEADER_BYTES: Final = 44
SAME: Final = 0.9
"""So like what was played is what was heard, at least; two sentences of one voice are far less alike."""
ACCOUNT: Final = (
    "<sip:{user}@{interface}>;regint=0;audio_codecs={codec}/8000/1;dtmfmode=rtpevent;answermode={answers}\n"
)
REGISTERED: Final = (
    "<sip:{number}@{registrar}>;auth_user={number};auth_pass={password};regint=60;answermode=auto;"
    "audio_codecs={{codec}}/8000/1;dtmfmode=rtpevent\n"
)
"""Of a phone that registers, and picks up by itself."""
KEY_S: Final = 0.3
"""More than the event of a key and what ends it take."""
REGISTERED_SEEN: Final = re.compile(r"200 OK \(.*\) \[\d+ bindings?\]")


class Phone:
    """A baresip process with one account."""

    def __init__(
        self,
        folder: Path,
        said: Pcm,
        *,
        codec: str = "PCMU",
        user: str = "tester",
        listen: str = "127.0.0.1:0",
        answers: bool = False,
        account: str = ACCOUNT,
    ) -> None:
        """Write its files.

        Args:
            folder: of its own.
            said: what its user says.
            codec: the only one it has.
            user: its number.
            listen: where it takes calls.
            answers: whether it picks up by itself.
            account: its line in the file of accounts.
        """
        self._folder = folder / "baresip"
        interface = listen.partition(":")[0]
        (self._folder / "heard").mkdir(parents=True)
        soundfile.write(self._folder / "said.wav", said, RATE_HZ, subtype="PCM_16")
        self._port = free_port("127.0.0.1", "tcp")
        modules = next(path.parent for path in Path("/usr/lib").rglob("baresip/modules/g711.so"))
        (self._folder / "config").write_text(
            CONFIG.format(
                folder=self._folder,
                listen=listen,
                interface=interface,
                modules=modules,
                port=self._port,
                loaded="\n".join(f"module {name}.so" for name in MODULES),
            )
        )
        (self._folder / "accounts").write_text(
            account.format(codec=codec, user=user, interface=interface, answers="auto" if answers else "manual")
        )
        (self._folder / "contacts").write_text("")
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        """What baresip told, the oldest first."""

    def __enter__(self) -> Self:
        program = shutil.which("baresip")
        assert program is not None, "baresip is missing: apt install baresip-core"
        self._log = (self._folder / "out.log").open("wb")
        self._process = subprocess.Popen(
            [program, "-f", str(self._folder), "-4"],
            stdout=self._log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._control = eventually(self._connect, "baresip's control port")
        except BaseException:
            self._end()
            raise
        self._control.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._log.close()

    def _connect(self) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", self._port), 1)
        except OSError:
            return None

    def _command(self, command: str, parameters: str = "") -> None:
        text = json.dumps({"command": command, "params": parameters, "token": command})
        self._control.sendall(f"{len(text)}:{text},".encode())

    def _listen(self) -> None:
        """Take in netstrings: events and answers to commands."""
        try:
            self._buffer += self._control.recv(65536)
        except BlockingIOError:
            return
        while b":" in self._buffer:
            length, _, rest = self._buffer.partition(b":")
            size = int(length)
            if len(rest) < size + 1:
                return
            self.events.append(json.loads(rest[:size]))
            self._buffer = rest[size + 1 :]

    def wait_for(self, kind: str, *, within_s: float = EVENTUALLY_S) -> dict[str, Any]:
        """Wait for an event such as `CALL_ESTABLISHED`."""

        def look() -> dict[str, Any] | None:
            self._listen()
            return next((event for event in self.events if event.get("type") == kind), None)

        return eventually(look, f"baresip's {kind}", within_s=within_s)

    def registered(self) -> None:
        """Wait until it is registered; its event may have come before anybody listened to the control port."""
        eventually(lambda: REGISTERED_SEEN.search(self.log()), "baresip's registration")

    def dial(self, uri: str) -> None:
        """Call, and wait until it is answered; events of earlier calls are forgotten."""
        self._listen()
        self.events.clear()
        self._command("dial", uri)
        self.wait_for("CALL_ESTABLISHED")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        self._command("sndcode", key)
        self._command("sndcode", "\x04")

    def types(self, keys: str) -> None:
        """Press keys one after the other: of those that are pressed at once, busy phones have lost the second."""
        for key in keys:
            self.press(key)
            self.speak(KEY_S)

    def hold(self) -> None:
        """Put the other side on hold."""
        self._command("hold")

    def resume(self) -> None:
        """Take the other side off hold."""
        self._command("resume")

    def hang_up(self) -> None:
        """End the call."""
        self._command("hangup")

    def log(self) -> str:
        """Return what it printed so far."""
        return (self._folder / "out.log").read_text(errors="replace")

    def heard_s(self) -> float:
        """Return how much audio came in so far, in seconds; where nothing comes, this clock stands still."""
        return self._written_s("*-dec.wav")

    def spoken_s(self) -> float:
        """Return for how long it has been speaking."""
        return self._written_s("*-enc.wav")

    def _written_s(self, pattern: str) -> float:
        return sum(file.stat().st_size for file in (self._folder / "heard").glob(pattern)) / 2 / RATE_HZ

    def listen(self, length_s: float, *, in_all: bool = False) -> None:
        """Wait until so much more was heard, or so much `in_all`."""
        until = length_s if in_all else self.heard_s() + length_s
        eventually(lambda: self.heard_s() >= until or None, f"{length_s:.1f} s of audio", within_s=length_s + 20)

    def speak(self, length_s: float) -> None:
        """Wait until so much more was said."""
        until = self.spoken_s() + length_s
        eventually(lambda: self.spoken_s() >= until or None, f"{length_s:.1f} s of speech", within_s=length_s + 20)

    def hears(self, sound: Pcm, *, within_s: float = EVENTUALLY_S) -> None:
        """Wait until a sound has been heard to its end in the present call."""
        looked = 0

        def look() -> bool | None:
            nonlocal looked
            heard = self._heard_so_far()
            # Where it began before the last look, its end may have come late.
            begin, looked = max(0, looked - 2 * len(sound)), len(heard)
            return is_in(sound, heard[begin:]) or None

        eventually(look, "what was to be heard", within_s=within_s)

    def has_heard(self, sound: Pcm) -> bool:
        """Tell whether a sound has been heard in the present call so far."""
        return is_in(sound, self._heard_so_far())

    def _heard_so_far(self) -> Pcm:
        """Return what came in of the present call, whose file is still being written."""
        files = sorted((self._folder / "heard").glob("*-dec.wav"), key=lambda each: each.stat().st_mtime_ns)
        data = files[-1].read_bytes()[WAV_HEADER_BYTES:] if files else b""
        return np.frombuffer(data[: len(data) // 2 * 2], np.int16)

    def heard(self) -> Pcm:
        """Return what came in of the call."""
        (file,) = (self._folder / "heard").glob("*-dec.wav")
        samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
        assert rate_hz == RATE_HZ
        return np.asarray(samples[:, 0])


def is_in(sound: Pcm, heard: Pcm) -> bool:
    """Tell whether a sound was heard to its end, though a busy machine may have played parts of it late."""
    found = recognise(sound, heard)
    return found is not None and found.likeness > SAME
