"""The keys of one call, by whichever way they come, each once."""

import asyncio
from collections.abc import Callable
from typing import Final

from ivr.media.dtmf import KeyOnce, KeyReceiver, Way
from ivr.media.g711 import Pcm
from ivr.media.inband import SoundKeys
from ivr.media.rtp import Packet

LISTEN_S: Final = 0.04
"""How often the sound is searched where no telephone-event was agreed: a key acts within this and its own 30 ms."""


class Keys:
    """Takes keys by RFC 4733, INFO and sound, and passes each press on once."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, press: Callable[[str], None], sound: Callable[[], Pcm | None]
    ) -> None:
        """Begin without listening to the sound.

        Args:
            loop: for the time, and the timer while listening.
            press: is called with each key.
            sound: gives what came since it was last asked (int16, 8 kHz); None while nobody may listen.
        """
        self._loop = loop
        self._press = press
        self._sound = sound
        self._events = KeyReceiver()
        self._once = KeyOnce()
        self._ear: SoundKeys | None = None
        self._timer: asyncio.TimerHandle | None = None

    def event(self, packet: Packet, now: float) -> None:
        """Take a telephone-event packet."""
        key = self._events.receive(packet.payload, packet.timestamp, packet.ssrc, now)
        if key:
            self._take(key, Way.RTP)

    def info(self, key: str) -> None:
        """Take a key that came by SIP INFO."""
        self._take(key, Way.INFO)

    def listen(self, wanted: bool) -> None:  # noqa: FBT001 - the state is the argument
        """Begin or end searching the sound."""
        if not wanted:
            self.close()
        elif self._ear is None:
            self._ear = SoundKeys()
            self._timer = self._loop.call_later(LISTEN_S, self._listen_again)

    def close(self) -> None:
        """Stop searching."""
        self._ear = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def search(self) -> None:
        """Search what came since the last time, where the sound is listened to."""
        ear = self._ear
        if ear is None:
            return
        pcm = self._sound()
        if pcm is None:
            ear.reset()
            return
        for key in ear.feed(pcm):
            self._take(key, Way.SOUND)

    def _listen_again(self) -> None:
        self._timer = self._loop.call_later(LISTEN_S, self._listen_again)
        self.search()

    def _take(self, key: str, way: Way) -> None:
        if self._once.take(key, way, self._loop.time()):
            self._press(key)
