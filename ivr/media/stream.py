"""The media of one call: receives, records, plays, and hears keys.

Everything runs on the event loop, driven by the socket and the media clock. Per packet only `Receiver` and `Sender`
work; twice a second `keep_house` makes sense of what came.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from ivr.media.bridge import End
from ivr.media.clock import MediaClock
from ivr.media.g711 import Pcm, decode, transcode
from ivr.media.intake import Intake
from ivr.media.keys import Keys
from ivr.media.latch import Address, Latch
from ivr.media.level import levels_dbfs
from ivr.media.playback import Playback
from ivr.media.receiver import WAITING_MAX, Receiver
from ivr.media.recorder import Recorder, RecordingHandle, RecordingOutcome
from ivr.media.recording import Ending, Limits, RecordingRules
from ivr.media.remote import COMFORT_NOISE, NOWHERE, RemoteMedia
from ivr.media.reports import Reports
from ivr.media.rtp import DATAGRAM_MAX_BYTES, Packet, is_rtcp
from ivr.media.sender import Sender
from ivr.media.spool import Spool
from voicebox.callrecord import RtpFigures
from voicebox.codec import FRAME_MS, Codec

SPARSE_MS: Final = 900
"""Silence is sent about once a second (housekeeping comes every 500 ms) for NAT and SBC timers."""
FROM_OUTSIDE: Final = frozenset({Ending.HANGUP, Ending.SHUTDOWN})
"""Endings that come by another way than the audio: a process that was held up may read them before it."""
SOON_S: Final = 0.6
"""What falls due before the next housekeeping needs a timer of its own."""


class MediaStream:
    """One RTP stream in both directions. Made by `MediaPlane.open`; used on the event loop only."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: MediaClock,
        spool: Spool,
        sockets: tuple[socket.socket, socket.socket],
        host: str,
        warning: Mapping[Codec, bytes],
        closed: Callable[["MediaStream"], None],
    ) -> None:
        self.host = host
        """Our address for the SDP."""
        self.port: int = sockets[0].getsockname()[1]
        self.on_key: Callable[[str], None] | None = None
        """Called at once with every key (`0-9*#ABCD`), also with one that ends a recording, before it does."""
        self.on_fault: Callable[[Exception], None] | None = None
        """Called when a fault of ours stopped this stream: the call cannot go on."""
        self.malformed = 0
        """Datagrams that were no RTP, or of a payload type that was not agreed."""
        self._loop = loop
        self._clock = clock
        self._spool = spool
        self._warning = warning
        self._closed: Callable[[MediaStream], None] | None = closed
        self._sending = sockets[0]
        self._transport: asyncio.DatagramTransport | None = None
        self._receiver = Receiver(self._unusual)
        self._sender = Sender(sockets[0])
        self.bridged = End(self._receiver, self._sender, clock, stop=self.stop, resume=self._keep_open)
        """Where another call is connected to this one."""
        self._latch = Latch()
        self._intake = Intake({})
        self._reports = Reports(loop, clock, sockets, self._sender, self._intake.reception)
        self._remote: RemoteMedia | None = None
        self._keys = Keys(loop, self._pressed, self._sound)
        self._playback: Playback | None = None
        self._first_due_ms = 0
        self._recorder: Recorder | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._waiting_since = loop.time()

    async def start(self) -> None:
        """Begin to receive."""
        try:
            self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self._receiver, sock=self._sending)
        except BaseException:
            await self.close()
            raise
        self._reports.start()
        self._clock.keep(self)

    # What the session does

    def connect(self, remote: RemoteMedia) -> None:
        """Take the other end from the SDP; again at each re-INVITE (hold, new address, new codec)."""
        previous, self._remote = self._remote, remote
        self._intake.formats = remote.codecs()
        self.bridged.takes(self._intake.formats)
        if previous is None or previous.payload_type != remote.payload_type:
            self._receiver.head = bytes((0x80, remote.payload_type))
        if self._playback and self._sender.codec is not remote.codec:
            before = self._sender.codec
            self._playback.recode(lambda chunk: transcode(chunk, before, remote.codec))
        self._sender.use(remote.codec, remote.payload_type)
        self._sender.event_pt = remote.send_event_pt
        reachable = remote.port != 0 and remote.host not in NOWHERE
        if reachable:
            self._latch.signal(remote.host, remote.port)
            self._receiver.source = self._latch.source
        self._sender.target = self._latch.target if reachable and remote.may_send else None
        self._reports.connect(remote, self._latch)
        now = self._loop.time()
        talks = remote.may_send and remote.may_receive
        if talks and (previous is None or not (previous.may_send and previous.may_receive)):
            self._waiting_since = now
        if self._recorder:
            self._recorder.rules.hold(not remote.may_receive, now)
        if previous is None:
            self._send_silence()  # opens the way through a NAT
        self._keys.listen(not remote.telephone_event_pts)
        self._keep_open()

    def play(self, chunks: Sequence[bytes]) -> Playback:
        """Play encoded chunks now, in place of what is playing. They are of the codec that was connected.

        The first packet leaves within a few milliseconds, or 20 ms after the last one.
        """
        self.stop()
        codec = self._sender.codec.value
        done: asyncio.Future[bool] = self._loop.create_future()
        playback = Playback(chunks, codec.frame_bytes, codec.silence, done, self._stopped)
        if playback.left == 0:
            done.set_result(True)
            return playback
        self._playback = playback
        self._talk()
        return playback

    def stop(self) -> None:
        """Stop playing at once."""
        if self._playback:
            self._playback.stop()

    def record(self, take_id: str, context: bytes, limits: Limits) -> RecordingHandle:
        """Record from now on into the spool; `context` is what recovery needs to make a message of it.

        Raises:
            RuntimeError: a recording is on already.
        """
        if self._recorder:
            raise RuntimeError("a recording is on already")
        now = self._loop.time()
        before = self._levels_waiting()
        self._drain(now)
        rate_hz = self._sender.codec.value.rate_hz
        self._spool.begin(take_id, context, rate_hz)
        done: asyncio.Future[RecordingOutcome] = self._loop.create_future()
        handle = RecordingHandle(take_id, done, self.stop_recording)
        rules = RecordingRules(limits, now, rate_hz, before)
        rules.hold(bool(self._remote and not self._remote.may_receive), now)
        self._intake.begin(now, rate_hz)
        self._recorder = Recorder(self._spool, handle, rules)
        self._await_deadline(now)
        return handle

    def stop_recording(self, by: Ending, key: str = "") -> None:
        """End the recording, if one is on. What came until now is in it."""
        if self._recorder and by in FROM_OUTSIDE:
            self._read_waiting()
        recorder = self._recorder  # a key among what waited may have ended it
        if recorder is None:
            return
        now = self._loop.time()
        self._collect()
        self._recorder = None
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        recorder.finish(by, key, self._intake.end(now))

    def info_key(self, key: str) -> None:
        """Take a key that came by SIP INFO; the same one by RTP counts once."""
        self._keys.info(key)

    def last_packet_age(self, now: float) -> float:
        """Return for how many seconds nothing was received; 0 while the peer holds the call."""
        # On hold (sendonly, RFC 3264 section 8.4) some send music and others nothing at all.
        if self._remote and not (self._remote.may_receive and self._remote.may_send):
            return 0.0
        last = self._receiver.last_arrival() or self._intake.reception.last_arrival
        return now - max(last or self._waiting_since, self._waiting_since)

    @property
    def said_bye(self) -> bool:
        """True once the peer ended the stream by RTCP."""
        return self._reports.bye

    @property
    def injected(self) -> int:
        """Packets of third addresses that were ignored."""
        return self._latch.injected

    @property
    def figures(self) -> RtpFigures:
        """The figures of the last batch."""
        reception = self._intake.reception
        return RtpFigures(reception.received, reception.lost, round(reception.jitter_ms, 3), self._sender.packets)

    def report(self) -> RtpFigures:
        """Return the figures for the call record, up to this moment."""
        self._drain(self._loop.time())
        return self.figures

    async def close(self) -> None:
        """End everything. A recording that is on ends as by hang-up; its handle resolves when it is on disk."""
        if self._closed is None:
            return
        closed, self._closed = self._closed, None
        self.bridged.keep_to_itself()
        self.stop()
        self.stop_recording(Ending.HANGUP)
        self._collect()
        self._clock.drop(self)
        self._keys.close()
        self._reports.close()
        if self._transport:
            self._transport.close()
        else:
            self._sending.close()
        closed(self)

    # What the clock does

    def send_frame(self, due_ms: int) -> None:
        """Send the frame that is due."""
        if due_ms < self._first_due_ms:
            return
        playback = self._playback
        if playback is None:
            if self._continuous:
                self._sender.send_silence(due_ms)
            else:
                self._clock.leave(self)
            return
        self._sender.send(playback.frame(), due_ms)
        if not playback.left:
            self._finished(playback, heard=True)

    def keep_house(self) -> None:
        """Make sense of what came; keep the path open; report."""
        self._keys.search()  # what is drained is heard by nobody
        self._drain(self._loop.time())
        idle = not self.bridged.fed() and self._playback is None
        if idle and self._clock.now_ms() - self._sender.last_ms >= SPARSE_MS:
            self._send_silence()
        self._reports.beat()

    def broke(self, error: Exception) -> None:
        """End what can still be ended: what was recorded so far is kept."""
        recorder, self._recorder = self._recorder, None
        if recorder:
            recorder.finish(Ending.SHUTDOWN, "", self._intake.end(self._loop.time()))
        self.stop()
        if self.on_fault:
            self.on_fault(error)

    # Sending

    def _talk(self) -> None:
        last = self._sender.last_ms
        following = last + FRAME_MS
        self._first_due_ms = self._clock.join(self, not_before_ms=following, exactly_ms=following)

    @property
    def _continuous(self) -> bool:
        """Whether silence is sent all the time: where the peer wants it, unless somebody else's packets leave here."""
        return bool(self._remote and self._remote.continuous) and self.bridged.gets is None

    def _keep_open(self) -> None:
        """Go on sending, where there is something to send all the time."""
        if self._playback or self._continuous:
            self._talk()

    def _send_silence(self) -> None:
        if self._remote is not None and not self._continuous:
            self._sender.send_silence(self._clock.now_ms())
            if self.bridged.gets is not None:
                self.bridged.gets.anew()

    def _stopped(self, playback: Playback) -> None:
        if playback is self._playback:
            self._finished(playback, heard=False)

    def _finished(self, playback: Playback, *, heard: bool) -> None:
        self._playback = None
        if not self._continuous:
            self._clock.leave(self)
        if not playback.done.done():
            playback.done.set_result(heard)

    # Receiving

    def _unusual(self, data: bytes, source: Address) -> None:
        """Take a datagram that is not plainly the caller's audio."""
        if is_rtcp(data):
            self._reports.received(data, source)
            return
        packet = Packet.parse(data)
        if packet is None or len(packet.payload) > 1400:
            self.malformed += 1
            return
        now = self._loop.time()
        packets = [packet]
        if source != self._latch.source:
            packets = self._latch.consider(
                packet, source, self._agreed, ssrc=self._intake.reception.ssrc, silent_s=self._silent_s(now)
            )
            if packets:
                self._receiver.source = self._latch.source
                if self._sender.target is not None:
                    self._sender.target = self._latch.source
        for each in packets:
            self._accept(each, now)

    def _silent_s(self, now: float) -> float:
        last = self._receiver.last_arrival() or self._intake.reception.last_arrival
        return now - last if last is not None else float("inf")

    def _agreed(self, payload_type: int) -> bool:
        remote = self._remote
        return remote is not None and (
            payload_type in self._intake.formats or payload_type in remote.event_pts() or payload_type == COMFORT_NOISE
        )

    def _accept(self, packet: Packet, now: float) -> None:
        if not self._agreed(packet.payload_type):
            self.malformed += 1
            return
        self._receiver.add(packet.normalised(), now)
        if packet.payload_type in self._intake.formats:
            if self.bridged.gives is not None:
                self.bridged.gives.audio(bytes(packet))
            # A peer may change among the agreed codecs without asking: its packets become the usual ones.
            self._receiver.head = bytes((0x80, packet.payload_type))
        elif self._remote and packet.payload_type in self._remote.event_pts():
            if self.bridged.gives is not None:
                self.bridged.gives.event(packet)
            else:
                self._keys.event(packet, now)

    def _pressed(self, key: str) -> None:
        if self.on_key:
            self.on_key(key)
        if self._recorder and key in self._recorder.rules.limits.stop_keys:
            self.stop_recording(Ending.KEY, key)

    def _sound(self) -> Pcm | None:
        """Return what came since the last batch, for keys; None while recording: a voice must never act as a key."""
        if self._recorder:
            return None
        parts = [decode(payload, codec) for codec, payload in self._intake.audio_of(self._receiver.waiting())]
        self._drain(self._loop.time())
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    # Making sense of a batch

    def catch_up(self) -> None:
        """Take in what has come and was not read yet, before somebody judges that no key came in time."""
        self._read_waiting()  # keys by events act as they are read
        self._keys.search()

    def _read_waiting(self) -> None:
        """Take what lies in the socket already: it came before the moment that is judged."""
        for _ in range(WAITING_MAX):
            try:
                data, source = self._sending.recvfrom(DATAGRAM_MAX_BYTES)
            except OSError:  # nothing more
                return
            self._receiver.datagram_received(data, source)

    def _collect(self) -> None:
        packets, arrived = self._receiver.take()
        runs = self._intake.take(packets, arrived)
        if self._recorder:
            self._recorder.take(runs)

    def _drain(self, now: float) -> None:
        self._collect()
        if self._recorder and now >= self._recorder.rules.deadline():
            self._read_waiting()  # a process that was held up must not take for silence what it has not read
            self._collect()
        recorder = self._recorder  # a key among what waited may have ended it
        if recorder is None:
            return
        rules = recorder.rules
        if now >= rules.deadline():
            ending = rules.decide(now)
            if ending is not None:
                self.stop_recording(ending)
                return
            if rules.warn(now):
                self.play([self._warning.get(self._sender.codec, b"")])
        self._await_deadline(now)

    def _await_deadline(self, now: float) -> None:
        """Look again exactly when the rules may say something, not only with the next batch."""
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        if self._recorder and (at := self._recorder.rules.deadline()) < now + SOON_S:
            self._deadline = self._loop.call_at(at + 0.001, self._at_deadline)

    def _at_deadline(self) -> None:
        self._deadline = None
        self._drain(self._loop.time())

    def _levels_waiting(self) -> list[float]:
        found: list[float] = []
        for codec, payload in self._intake.audio_of(self._receiver.waiting()):
            found += levels_dbfs(payload, codec, len(payload))
        return found
