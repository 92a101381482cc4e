"""An announcement made fit to be played to callers: level, silence, and no keypad tones in it (voicemail.md, row 12).

Runs in the worker process: what people upload is decoded away from the calls, and within a limit of its own.
"""

import faulthandler
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from ivr.media.assembly import flac_of, peaks_of
from ivr.media.g711 import Pcm
from ivr.media.inband import HOP, SoundKeys
from ivr.media.inband import RATE_HZ as KEYS_HZ
from prompts import mastering
from prompts.tones import RATE_HZ
from voicebox.announcement import Mastered
from voicebox.greeting_file import Fault, GreetingRefused, Samples, decoded, too_slow
from voicebox.resampling import resample

CPU_MAX_S: Final = 20.0
"""Ten times what three minutes of the dearest format take here. Of computing, since a busy machine is no fault."""
WALL_MAX_S: Final = 300.0
"""For a decoder that never comes back to Python: the process ends, and is replaced."""
SOUND_MIN_S: Final = 0.3
"""The shortest name has more; a click has less."""
LAST_KEY_S: Final = 0.9
"""A key pressed this close to the end of a recording by phone is the one that ended it."""
BEFORE_KEY_S: Final = 0.05
"""Cut away before it: the tone rises before it is recognised."""
LISTENED_TO: Final = 10 * HOP
"""Samples that the ears get at a time: each answer costs as much for 10 ms as for 100."""


def master(data: bytes, *, spoken: bool = False) -> Mastered:
    """Return an announcement at -20 LUFS, with peaks below -3 dBFS and without silence around it. Blocks.

    Args:
        data: the file.
        spoken: it was recorded over the phone, whose own tone for the `#` that ended it may be its last sound.

    Raises:
        GreetingRefused: it is no audio, too long, silent, or has keypad tones in it.
    """
    with _limited() as go_on:
        samples, rate_hz = decoded(data, go_on=go_on)
        go_on()
        pcm = _mastered(samples, rate_hz)
        go_on()
        keys = keypad_tones(pcm, RATE_HZ)
        if spoken and keys and len(pcm) / RATE_HZ - keys[-1] < LAST_KEY_S:
            end = max(0, round((keys[-1] - BEFORE_KEY_S) * RATE_HZ))
            pcm = _mastered(pcm[:end] / 32768, RATE_HZ)
            keys = keypad_tones(pcm, RATE_HZ)
        if keys:
            raise GreetingRefused(
                f"has a keypad tone in it, {keys[0]:.1f} s after its beginning",
                "Record it again without pressing keys.",
                Fault.KEYPAD,
            )
        return Mastered(flac_of(pcm, RATE_HZ), len(pcm), RATE_HZ, peaks_of(pcm))


def keypad_tones(pcm: Pcm, rate_hz: int) -> list[float]:
    """Return when keypad tones begin, in seconds to a tenth: what our own ears take for keys (ITU-T Q.23, Q.24)."""
    at_8k = resample(pcm, rate_hz, KEYS_HZ)
    # What sounds right to the end must still be recognised, by the block after it.
    padded = np.concatenate([at_8k, np.zeros(4 * HOP, np.int16)])
    ears = SoundKeys()
    return [at / KEYS_HZ for at in range(0, len(padded), LISTENED_TO) for _ in ears.feed(padded[at : at + LISTENED_TO])]


def _mastered(samples: Samples, rate_hz: int) -> Pcm:
    try:
        pcm = mastering.master(samples, rate_hz, mastering.SENTENCE_TAIL_S)
    except mastering.SilentError:
        pcm = np.zeros(0, np.int16)
    if len(pcm) < (SOUND_MIN_S + mastering.SENTENCE_TAIL_S) * RATE_HZ:
        raise GreetingRefused("holds nothing that can be heard", "Record it again.", Fault.EMPTY)
    return pcm


@contextmanager
def _limited() -> Iterator[Callable[[], None]]:
    """Lend what is asked between two steps, and refuses to go on after too much computing.

    Asked, rather than told by a signal: one that arrives while libsndfile reads raises where nobody can catch it.
    """
    until_s = time.process_time() + CPU_MAX_S

    def go_on() -> None:
        if time.process_time() > until_s:
            raise too_slow()

    faulthandler.dump_traceback_later(WALL_MAX_S, exit=True)
    try:
        yield go_on
    finally:
        faulthandler.cancel_dump_traceback_later()
