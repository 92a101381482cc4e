"""`voicebox prompts check`: whether the recordings are complete, unharmed, level, and say roughly what they should.

It needs no speech engine: everything is read from the files, their manifest and the catalogue.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from prompts import manifest, mastering
from prompts.build import RECORDINGS
from prompts.catalogue import catalogue
from prompts.loudness import longest_tone_s
from prompts.manifest import Entry, ManifestError
from prompts.recordings import SUFFIXES
from prompts.tones import RATE_HZ
from prompts.utterance import Utterance
from voicebox.i18n import Language

LEVEL_TOLERANCE_LU: Final = 2.0
"""Between utterances a listener notices about 3 LU; single digits are measured on a third of a second only."""
HELD_DOWN_LU: Final = 4.0
"""A short word with a sharp attack ("acht") cannot be louder under the ceiling for peaks."""
SHORTEST_S_PER_CHARACTER: Final = 0.02
LONGEST_S_PER_CHARACTER: Final = 0.13
EDGES_S: Final = 0.6
"""A text of one word takes this much longer than its letters: a final fall, and the breath after it."""
MOST_TONE_S: Final = 0.1
"""The record tone lasts 0.25 s; nothing else may come near it."""


class Problem(StrEnum):
    """What can be wrong with a recording."""

    MANIFEST = "manifest"
    MISSING = "missing"
    STRAY = "stray"
    """A file or an entry that the catalogue does not know."""
    TEXT = "text"
    """The catalogue's text was changed after the recording was made."""
    LICENCE = "licence"
    HASH = "hash"
    UNREADABLE = "unreadable"
    FORMAT = "format"
    SILENT = "silent"
    LEVEL = "level"
    CLIPPING = "clipping"
    LENGTH = "length"
    TONE = "tone"
    """It sounds like the record tone, which callers and machines wait for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be put right."""

    problem: Problem
    name: str
    """Such as "de/greeting-busy"."""
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}: {self.detail}"


def check(directory: Path = RECORDINGS, *, complete: bool = True) -> list[Finding]:
    """Return everything that is wrong, in the catalogue's order; an empty list is a pass.

    Args:
        directory: holds `de/` and `en/`, each with its manifest.
        complete: whether every utterance of both languages must be there; a studio's directory may hold a part.
    """
    findings: list[Finding] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for language in Language:
            folder = directory / language
            try:
                entries = manifest.read(folder)
            except ManifestError as error:
                findings.append(Finding(Problem.MANIFEST, str(language), str(error)))
                continue
            present = {path.stem: path for path in folder.glob("*") if path.suffix in SUFFIXES}
            findings += _strays(language, entries, present)
            jobs = [
                (language, item, entries.get(item.id), present.get(item.id)) for item in catalogue(language).values()
            ]
            if not complete:
                jobs = [job for job in jobs if job[2] is not None or job[3] is not None]
            for found in pool.map(lambda job: list(_check_one(*job)), jobs):
                findings += found
    return findings


def _strays(language: Language, entries: dict[str, Entry], present: dict[str, Path]) -> Iterator[Finding]:
    for key in sorted((entries.keys() | present.keys()) - catalogue(language).keys()):
        yield Finding(Problem.STRAY, f"{language}/{key}", "the catalogue has no such utterance")


def _check_one(language: Language, utterance: Utterance, entry: Entry | None, path: Path | None) -> Iterator[Finding]:
    name = f"{language}/{utterance.id}"
    if path is None or entry is None:
        yield Finding(Problem.MISSING, name, "no file" if path is None else "not in the manifest")
        return
    if entry.text != utterance.text:
        yield Finding(Problem.TEXT, name, f"recorded {entry.text!r}, the catalogue says {utterance.text!r}")
    if not entry.licence or not entry.voice:
        yield Finding(Problem.LICENCE, name, "voice or licence is not stated")
    audio = path.read_bytes()
    if manifest.digest(audio) != entry.audio_hash:
        yield Finding(Problem.HASH, name, "the file is not the one in the manifest")
    try:
        samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        yield Finding(Problem.UNREADABLE, name, str(error))
        return
    if rate_hz != RATE_HZ or samples.shape[1] != 1:
        yield Finding(Problem.FORMAT, name, f"{rate_hz} Hz, {samples.shape[1]} channels; wanted {RATE_HZ} Hz mono")
        return
    yield from _check_sound(name, utterance, samples[:, 0])


def _check_sound(name: str, utterance: Utterance, samples: NDArray[np.int16]) -> Iterator[Finding]:
    measured = manifest.measure(samples)
    if not np.isfinite(measured.lufs):
        yield Finding(Problem.SILENT, name, "nothing can be heard")
        return
    off_lu = measured.lufs - mastering.LEVEL_LUFS
    held_down = measured.peak_dbfs > mastering.CEILING_DBFS - 1
    if off_lu > LEVEL_TOLERANCE_LU or off_lu < -(HELD_DOWN_LU if held_down else LEVEL_TOLERANCE_LU):
        yield Finding(Problem.LEVEL, name, f"{measured.lufs} LUFS, wanted {mastering.LEVEL_LUFS}")
    if measured.peak_dbfs > mastering.PEAK_DBFS:
        yield Finding(Problem.CLIPPING, name, f"peak {measured.peak_dbfs} dBFS, at most {mastering.PEAK_DBFS}")
    least, most = plausible_length_s(utterance)
    if not least <= measured.length_s <= most:
        detail = f"{measured.length_s} s for {utterance.text!r}, expected {least:.1f} to {most:.1f} s"
        yield Finding(Problem.LENGTH, name, detail)
    tone_s = longest_tone_s(samples / 32768, RATE_HZ)
    if tone_s > MOST_TONE_S:
        yield Finding(Problem.TONE, name, f"sounds like the record tone for {tone_s:.2f} s")


def plausible_length_s(utterance: Utterance) -> tuple[float, float]:
    """Return how short and how long a recording of this text may be, in seconds; digits count as the words they are."""
    characters = sum(6 if char.isdigit() else 1 for char in utterance.text)
    return SHORTEST_S_PER_CHARACTER * characters, LONGEST_S_PER_CHARACTER * characters + EDGES_S
