"""A stand-in for listening, where no recogniser is to be had: does another synthesiser agree on it.

espeak-ng reads the texts of some German utterances; for each reading the recordings are ranked by their distance (12
cepstral coefficients at 8 kHz, aligned by dynamic time warping). The figure is how often the recording of the same text
is the nearest. It tells sentences apart; single words of two so different voices it does not, so read it as a floor:

    apt-get install espeak-ng && python bench/match_prompts.py
"""

import io
import random
import subprocess

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from prompts.catalogue import catalogue
from prompts.recordings import Recordings
from voicebox.i18n import Language

Frames = NDArray[np.float64]
SENTENCES = 40
STRIDE = 4
"""Every 40 ms: alignment in Python is slow."""


def cepstrum(samples: NDArray[np.float64], rate_hz: int) -> Frames:
    """Return 12 coefficients for each 10 ms that is not silent, of mean 0 and deviation 1 over the utterance."""
    narrow = soxr.resample(samples, rate_hz, 8_000)
    narrow = np.append(narrow[0], narrow[1:] - 0.97 * narrow[:-1])
    windows = np.lib.stride_tricks.sliding_window_view(narrow, 200)[::80] * np.hamming(200)
    power = np.abs(np.fft.rfft(windows, 256)) ** 2
    mel_top, mel_bottom = (2595 * np.log10(1 + hz / 700) for hz in (3_800, 100))
    corners = 700 * (10 ** (np.linspace(mel_bottom, mel_top, 26) / 2595) - 1) / 8_000 * 256
    bins = np.arange(129)[None]
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    filters = np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
    cosines = np.cos(np.pi / 24 * (np.arange(24) + 0.5)[None] * np.arange(1, 13)[:, None])
    energy = power.sum(axis=1)
    found = (np.log(power @ filters.T + 1e-8) @ cosines.T)[energy > energy.max() * 1e-4]
    return (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-6)


def distance(here: Frames, there: Frames) -> float:
    """Return the mean distance on the best alignment."""
    costs = np.sqrt(((here[:, None] - there[None]) ** 2).sum(axis=-1))
    best = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    best[0, 0] = 0
    for row in range(costs.shape[0]):
        for column in range(costs.shape[1]):
            before = min(best[row, column], best[row, column + 1], best[row + 1, column])
            best[row + 1, column + 1] = costs[row, column] + before
    return float(best[-1, -1] / sum(costs.shape))


def espeak(text: str) -> tuple[NDArray[np.float64], int]:
    """Return the text as espeak-ng reads it in German, and the rate."""
    done = subprocess.run(["espeak-ng", "-v", "de", "-s", "140", "--stdout", text], capture_output=True, check=True)
    samples, rate_hz = soundfile.read(io.BytesIO(done.stdout))
    return samples, int(rate_hz)


def main() -> None:
    """Print how many of a fixed sample of sentences are recognised among each other."""
    keys = {item.text: key for key, item in catalogue(Language.DE).items() if not item.part and len(item.text) > 25}
    texts = {key: text for text, key in keys.items()}
    chosen = random.Random(4).sample(sorted(texts), SENTENCES)
    recordings = Recordings.open()
    ours = [cepstrum(recordings.pcm(Language.DE, key) / 32768, 16_000)[::STRIDE] for key in chosen]
    nearest = 0
    for at, key in enumerate(chosen):
        theirs = cepstrum(*espeak(texts[key]))[::STRIDE]
        ranked = np.argsort([distance(each, theirs) for each in ours])
        nearest += int(ranked[0] == at)
        if ranked[0] != at:
            print(f"{texts[key]!r} was nearer to {texts[chosen[ranked[0]]]!r}")
    print(f"{nearest} of {SENTENCES} nearest to their own text; by chance 1 would be")


if __name__ == "__main__":
    main()
