"""What an ear does: finding a known sound in what was heard, and the tone by Goertzel's algorithm.

No I/O: everything is int16 mono at 8 kHz.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import Pcm

RATE_HZ: Final = 8000
BLOCK: Final = 160
"""20 ms: exactly twenty periods of 1000 Hz."""
TONE_HZ: Final = 1000.0
PURE: Final = 0.9
"""Share of a block's energy at 1000 Hz; the tone has 0.99 after pyVoIP's 8 bits, speech hardly ever a half."""
LOUD: Final = 2000
"""Peak amplitude, -24 dBFS: half of what the tone has, so that nothing faint is taken for it."""
BLOCKS_LEAST: Final = 9
"""180 of its 250 ms."""
PIECE: Final = RATE_HZ // 2
"""A sound is compared in pieces of half a second."""
JITTER: Final = RATE_HZ // 50
"""What comes later in a sound may be late, but not early by more than this."""
SLIP: Final = RATE_HZ // 4
"""So far a piece may lie from where its neighbour says: on a busy machine a packet comes late, and all after it."""
WORTH_A_LOOK: Final = 0.25
"""Correlation of the whole, or of its loudest second, from which its pieces are compared."""
LOUDEST: Final = RATE_HZ
SURE: Final = 0.6
"""Likeness of a piece from which it says where the next one is to be looked for."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that was heard, and has ended."""

    length_ms: int
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class Match:
    """Where a sound was found in another."""

    at: int
    """Its first sample."""
    likeness: float
    """Normalised correlation: 1 is the same but for its volume, 0 has nothing in common."""


def recognise(sound: Pcm, heard: Pcm) -> Match | None:
    """Return where `sound` fits best in `heard`, and how like it is there, piece by piece, by energy.

    None where it is longer than all that was heard, or its end is still to come.
    """
    whole = find(sound, heard)
    if whole is None:
        return None
    loudest = _loudest(sound)
    found = find(sound[loudest : loudest + LOUDEST], heard)
    if found is None or found.likeness < max(WORTH_A_LOOK, whole.likeness):  # it slipped less than that second did
        loudest, found = 0, whole
    if found.likeness < WORTH_A_LOOK:
        return whole
    starts = list(range(0, max(1, len(sound) - PIECE + 1), PIECE))
    pieces = {at: sound[at:] if at == starts[-1] else sound[at : at + PIECE] for at in starts}
    first = loudest // PIECE
    lies = found.at - loudest
    after, ends = _likenesses([(at, pieces[at]) for at in starts[first:]], heard, lies, (JITTER, SLIP))
    if ends + len(sound) > len(heard):
        return None
    before, begins = _likenesses([(at, pieces[at]) for at in reversed(starts[:first])], heard, lies, (SLIP, JITTER))
    energies = [float(np.sum(pieces[at].astype(np.float64) ** 2)) for at in starts]
    total = sum(energies)
    like = sum(energy * each for energy, each in zip(energies, [*reversed(before), *after], strict=True))
    return Match(max(0, begins), like / total if total else 0.0)


def _loudest(sound: Pcm) -> int:
    """Return where the piece begins from which a second has most energy."""
    starts = range(0, max(1, len(sound) - LOUDEST + 1), PIECE)
    return max(starts, key=lambda at: float(np.sum(sound[at : at + LOUDEST].astype(np.float64) ** 2)))


def _likenesses(
    pieces: Sequence[tuple[int, Pcm]], heard: Pcm, lies: int, slip: tuple[int, int]
) -> tuple[list[float], int]:
    """Return how like each piece is, of pieces one after the other, and where the sound begins as the last sees it.

    As the first sees it, that is at `lies`. Each may have slipped from where the one before it was found, by so much to
    either side; silence says nothing of it.
    """
    found: list[float] = []
    for start, piece in pieces:
        low = max(0, lies + start - slip[0])
        match = find(piece, heard[low : max(0, lies + start + len(piece) + slip[1])])
        likeness = 0.0 if match is None else match.likeness
        if match is not None and likeness > SURE:
            lies = low + match.at - start
        found.append(likeness)
    return found, lies


class ToneEar:
    """Listens for the record tone (interfaces.md, "What callers hear")."""

    def __init__(self) -> None:
        self._rest: Pcm = np.empty(0, np.int16)
        self._blocks = 0
        self._amplitude = 0.0

    def feed(self, pcm: Pcm) -> Tone | None:
        """Take what comes next; returns the tone once it is over."""
        whole = np.concatenate([self._rest, pcm])
        cut = len(whole) - len(whole) % BLOCK
        self._rest = whole[cut:]
        found = None
        for start in range(0, cut, BLOCK):
            found = self._block(whole[start : start + BLOCK]) or found
        return found

    def _block(self, block: Pcm) -> Tone | None:
        amplitude, purity = goertzel(block, TONE_HZ)
        if amplitude > LOUD and purity > PURE:
            self._blocks += 1
            self._amplitude = max(self._amplitude, amplitude)
            return None
        blocks, amplitude = self._blocks, self._amplitude
        self._blocks, self._amplitude = 0, 0.0
        if blocks < BLOCKS_LEAST:
            return None
        return Tone(blocks * BLOCK * 1000 // RATE_HZ, 20 * float(np.log10(amplitude / 32768)))


def goertzel(block: Pcm, frequency_hz: float) -> tuple[float, float]:
    """Return a frequency's amplitude in a block, and its share of the block's energy, 0 to 1."""
    turn = 2 * np.pi * frequency_hz / RATE_HZ
    coefficient = 2 * np.cos(turn)
    before, last = 0.0, 0.0
    for sample in block.tolist():
        before, last = last, sample + coefficient * last - before
    power = max(0.0, last * last + before * before - coefficient * last * before)
    energy = float(np.sum(block.astype(np.float64) ** 2))
    count = len(block)
    return 2 * float(np.sqrt(power)) / count, power * 2 / (count * energy) if energy else 0.0


def find(sound: Pcm, heard: Pcm) -> Match | None:
    """Return where `sound` fits best in `heard`; None where it is longer than all that was heard."""
    size = len(sound)
    if not size or len(heard) < size:
        return None
    wanted = sound.astype(np.float64)
    wanted -= wanted.mean()
    there = heard.astype(np.float64)
    points = 1 << (len(there) + size).bit_length()
    spectrum = np.fft.rfft(there, points) * np.conj(np.fft.rfft(wanted, points))
    products = np.fft.irfft(spectrum, points)[: len(there) - size + 1]
    # A stretch of near silence fits anything: its energy counts as that of 8-bit noise at least.
    energies = np.maximum(_moving_energy(there, size), size * 64.0**2)
    likenesses = products / np.sqrt(energies * max(1.0, float(np.sum(wanted**2))))  # silence is like nothing
    at = int(np.argmax(likenesses))
    return Match(at, float(likenesses[at]))


def _moving_energy(samples: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    sums = np.concatenate([[0.0], np.cumsum(samples)])
    squares = np.concatenate([[0.0], np.cumsum(samples**2)])
    energy: NDArray[np.float64] = (squares[size:] - squares[:-size]) - (sums[size:] - sums[:-size]) ** 2 / size
    return energy
