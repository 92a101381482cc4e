"""An independent telephone: pyVoIP 1.6.8, driven by JSON lines; run as `python -m voicebox.demo.phone`.

pyVoIP is GPL-3. This module is the only one that imports it and runs in a process of its own, which the demo speaks to
over standard input and output; nothing else may import this module.

Commands: `{"do": "call", "number": "1001"}`, `{"do": "say", "audio": base64}`, `{"do": "press", "keys": "1001#"}`,
`{"do": "hang-up"}`. Events: `ready`, `answered`, `audio` (base64), `said`, `pressed`, `ended`, `failed` (`why`). Audio
is pyVoIP's own: unsigned 8 bit, 8 kHz. The end of standard input ends the phone, so that it never outlives the demo.

What pyVoIP needs:

- It waits for 100 or 180 before a 200, and its ACK has a To tag of its own making; voicebox does and takes that.
- It is a phone behind the demo's PBX, trusted by its address, and does not register: answering a challenge to an
  INVITE it names `sip:127.0.0.1` in the digest instead of the number called, which a server has to refuse. So
  `register` is replaced.
- It cannot send RFC 4733 keys. Here each key takes the place of some audio packets on their way to the socket: the
  sequence stays whole, and pyVoIP's own clock paces them.
- Its buffer holds zeros, which are full scale in unsigned 8 bit, where nothing was sent. Those are left out: a server
  that is held up on a busy machine goes on later, and so a word that it was held up in comes as a whole.
- It prints to standard output now and then, which is kept clear for the events.
"""

import argparse
import base64
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pyVoIP.VoIP import CallState, VoIPCall, VoIPPhone

from voicebox.demo.keypad import Press, presses

HOST: Final = "127.0.0.1"
FRAME: Final = 160
"""Samples of 20 ms."""
FRAME_S: Final = 0.02
BREATH: Final = 10
"""Looks after the last word, 0.2 s: whoever hangs up on it loses its end on the way."""
NOT_SENT: Final = re.compile(rb"\x00{40,}")
"""5 ms of negative full scale is no sound anybody makes."""

Tell = Callable[..., None]


class KeyedSocket:
    """The socket pyVoIP sends RTP through: while keys wait, they go out in place of the audio."""

    def __init__(self, plain: socket.socket, tell: Tell) -> None:
        self._plain = plain
        self._tell = tell
        self._waiting: deque[Press] = deque()

    def press(self, keys: str) -> None:
        """Have keys sent, one after the other."""
        self._waiting.extend(presses(keys))

    def sendto(self, packet: bytes, address: tuple[str, int]) -> int:
        """Send a packet, or the key whose turn it is in its place."""
        if not self._waiting:
            return self._plain.sendto(packet, address)
        press = self._waiting[0]
        sent = self._plain.sendto(press.replace(packet), address)
        if press.done:
            self._waiting.popleft()
            if press.key:
                self._tell("pressed", key=press.key)
        return sent

    def close(self) -> None:
        """Close the socket."""
        self._plain.close()


class Phone:
    """One telephone and the one call it makes."""

    def __init__(self, server_port: int, number: str, diverted_from: str, name: str, tell: Tell) -> None:
        """Make one.

        Args:
            server_port: voicebox's UDP port on loopback.
            number: the phone's own, which its calls show.
            diverted_from: whose calls the PBX diverts with "no answer"; empty for calls that nobody diverts.
            name: shown beside the number.
            tell: takes events.
        """
        self._tell = tell
        self._call: VoIPCall | None = None
        self._keys: KeyedSocket | None = None
        self._ended = False
        self._saying = False
        self._quiet = 0
        rtp_port = free_port()
        self._phone = VoIPPhone(
            HOST, server_port, number, "", myIP=HOST, sipPort=free_port(), rtpPortLow=rtp_port, rtpPortHigh=rtp_port
        )
        # What pyVoIP is made of is replaced below, which its types do not provide for.
        sip: Any = self._phone.sip
        sip.register = lambda: True
        invite, receive = sip.gen_invite, sip.recv_loop
        host = f"{HOST}:{server_port}"

        def as_the_pbx_sends_it(*arguments: Any) -> str:
            """Show the name, and say who did not answer, which pyVoIP has no way to (RFC 5806)."""
            head, found, rest = str(invite(*arguments)).partition("From: <")
            more = f"Diversion: <sip:{diverted_from}@{host}>;reason=no-answer\r\n" if diverted_from else ""
            return f'{head}{more}From: "{name}" <{rest}' if found and name else f"{head}{more}{found}{rest}"

        sip.gen_invite = as_the_pbx_sends_it
        # pyVoIP begins to receive a second after its start, and a call made before would be answered too late.
        sip.recv_loop = lambda: None
        self._phone.start()
        threading.Thread(target=receive, daemon=True).start()
        tell("ready")

    def obey(self, command: dict[str, Any]) -> None:
        """Do what a command says."""
        match command:
            case {"do": "call", "number": str(number)}:
                self._call = self._phone.call(number)
            case {"do": "say", "audio": str(audio)} if self._call is not None:
                self._call.write_audio(base64.b64decode(audio))
                self._saying = True
            case {"do": "press", "keys": str(keys)} if self._keys is not None:
                self._keys.press(keys)
            case {"do": "hang-up"} if self._call is not None and self._call.state is CallState.ANSWERED:
                self._call.hangup()
            case _:
                self._tell("failed", why=f"not possible now: {command.get('do')}")

    def put_down(self) -> None:
        """End the call, if there is one: voicebox would wait for its caller when it is to end."""
        if self._call is not None and self._call.state is CallState.ANSWERED:
            self._call.hangup()

    def watch(self) -> None:
        """Tell what happens, every 20 ms, until the process ends."""
        while True:
            time.sleep(FRAME_S)
            if self._call is not None and not self._ended:
                self._look(self._call)

    def _look(self, call: VoIPCall) -> None:
        if call.state is CallState.ENDED:
            self._ended = True
            self._tell("ended")
            return
        if call.state is not CallState.ANSWERED or not call.RTPClients:
            return
        media: Any = call.RTPClients[0]  # likewise
        if self._keys is None:
            self._keys = media.sout = KeyedSocket(media.sout, self._tell)
            self._tell("answered")
        if audio := self._listen(call, media.pmin):
            self._tell("audio", audio=base64.b64encode(audio).decode())
        if self._saying and _left(media.pmout) == 0:
            self._quiet += 1
        if self._quiet >= BREATH:
            self._saying, self._quiet = False, 0
            self._tell("said")

    def _listen(self, call: VoIPCall, arrived: Any) -> bytes:
        """Return what was sent of the whole frames there are: asked for more, pyVoIP makes up silence."""
        frames = b"".join(call.read_audio(FRAME, blocking=False) for _ in range(_left(arrived) // FRAME))
        return NOT_SENT.sub(b"", frames)


def _left(buffered: Any) -> int:
    """Return how many bytes of a pyVoIP buffer have not been read."""
    with buffered.bufferLock:
        return len(buffered.buffer.getbuffer()) - int(buffered.buffer.tell())


def free_port() -> int:
    """Return a UDP port that is free on loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def main() -> None:
    """Be a phone until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m voicebox.demo.phone")
    parser.add_argument("--server-port", type=int, required=True)
    parser.add_argument("--number", required=True)
    parser.add_argument("--name", default="")
    parser.add_argument("--diverted-from", default="")
    options = parser.parse_args()
    events, sys.stdout = sys.stdout, sys.stderr
    one_at_a_time = threading.Lock()

    def tell(event: str, **facts: Any) -> None:
        with one_at_a_time:
            events.write(json.dumps({"event": event, **facts}) + "\n")
            events.flush()

    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
    try:
        phone = Phone(options.server_port, options.number, options.diverted_from, options.name, tell)
        threading.Thread(target=phone.watch, daemon=True).start()
        try:
            for line in sys.stdin:
                phone.obey(json.loads(line))
        finally:
            phone.put_down()
    except SystemExit:
        pass
    except Exception as error:  # noqa: BLE001 - a process ends here: the demo is told why
        tell("failed", why=repr(error))
    # pyVoIP's threads are no daemons and do not all end with the phone.
    os._exit(0)


if __name__ == "__main__":
    main()
