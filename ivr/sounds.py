"""Makes what flows want played into encoded audio: phrases from the prompts, clips from recordings.

A recording is decoded once and kept encoded while it is being listened to, so that skipping and pausing cost nothing.
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

import structlog

from ivr.call import Clip
from ivr.media.library import PromptLibrary
from ivr.media.worker import WorkerDied
from prompts.phrases import Phrase
from voicebox.codec import Codec
from voicebox.errors import NoAudio, RecordingBroken, RecordingElsewhere, VoiceboxError
from voicebox.library import Assemble, AudioLibrary, decode
from voicebox.message import Take

log = structlog.get_logger("voicebox.ivr.sounds")

KEPT_MAX_BYTES: Final = 16 * 1024 * 1024
"""Encoded recordings kept for all calls: seven of the longest messages, hundreds of usual ones."""
UNREADABLE: Final = (VoiceboxError, WorkerDied)
"""What keeps a recording from being read for now."""
TAKES_MAX: Final = 10_000
"""Takes that can be played without a row: those under review, at the most one a call, and accepted ones, which stay
until they are played after their settlement, or pushed out by newer ones. By then a message has its row."""

Key = tuple[str, Codec, float]


class Forget(Protocol):
    """The spool's way to forget a take."""

    async def discard(self, take_id: str) -> None:
        """Mark a take as one that must not come back."""
        ...


class Sounds:
    """Encoded audio for every call of the process."""

    def __init__(self, prompts: PromptLibrary, library: AudioLibrary, assemble: Assemble, spool: Forget) -> None:
        self._prompts = prompts
        self._library = library
        self._assemble = assemble
        self._spool = spool
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._takes: OrderedDict[str, Take] = OrderedDict()

    async def encoded(self, sound: Phrase | Clip, codec: Codec) -> list[bytes]:
        """Return a sound in a codec, chunk by chunk; a clip that cannot be read now is empty."""
        if isinstance(sound, Phrase):
            return self._prompts.bytes_for(sound, codec)
        try:
            audio = await self._clip((sound.audio_id, codec, sound.speed))
        except NoAudio:
            return []
        except UNREADABLE as error:
            log.warning("clip_unreadable", audio=sound.audio_id, why=str(error))
            return []
        at = round(max(0.0, sound.start_s) / sound.speed * 1000 / 20) * codec.value.frame_bytes
        return [audio[at:]]

    async def length_s(self, audio_id: str) -> float | None:
        """Make a recording ready to be played and return its length; None when it is missing or broken.

        Also None while the database or the store is away, or the sound is still with another node: a caller then hears
        the default greeting, and leaves a message all the same.
        """
        codec = Codec.PCMU
        try:
            audio = await self._clip((audio_id, codec, 1.0))
        except NoAudio:
            return None
        except UNREADABLE as error:
            log.warning("clip_unreadable", audio=audio_id, why=str(error))
            return None
        return len(audio) / codec.value.frame_bytes * 0.02

    async def away(self, audio_id: str) -> bool:
        """Tell whether a recording cannot be read now, and may be later; False where it can, is missing or broken."""
        try:
            await self._clip((audio_id, Codec.PCMU, 1.0))
        except NoAudio:
            return False
        except UNREADABLE:
            return True
        return False

    def remember(self, take: Take) -> None:
        """Let a take be played before it is a message: its caller may want to hear it."""
        self._takes[take.id] = take
        while len(self._takes) > TAKES_MAX:
            self._takes.popitem(last=False)

    async def discard(self, take: Take) -> None:
        """Forget a take durably."""
        self._takes.pop(take.id, None)
        await self._spool.discard(take.id)

    async def _clip(self, key: Key) -> bytes:
        """Return a whole recording, encoded.

        Raises:
            NoAudio: there is none, or it is broken.
            VoiceboxError: it cannot be read now.
            WorkerDied: likewise.
        """
        found = self._kept.get(key)
        if found is None:
            audio_id, codec, speed = key
            samples, rate_hz = await asyncio.to_thread(decode, await self._flac(audio_id))
            audio = await self._prompts.clip(samples, rate_hz, codec, speed)
            self._keep(key, audio)
            return audio
        self._kept.move_to_end(key)
        return found

    async def _flac(self, audio_id: str) -> bytes:
        take = self._takes.get(audio_id)
        if take is not None:
            try:
                return (await self._assemble(take.id, take.samples)).flac
            except (RecordingBroken, RecordingElsewhere):
                # It has become a message and was settled meanwhile.
                self._takes.pop(audio_id, None)
        return await self._library.flac(audio_id)

    def _keep(self, key: Key, audio: bytes) -> None:
        if key in self._kept or len(audio) > KEPT_MAX_BYTES:
            return
        self._kept[key] = audio
        self._kept_bytes += len(audio)
        while self._kept_bytes > KEPT_MAX_BYTES:
            _, old = self._kept.popitem(last=False)
            self._kept_bytes -= len(old)
