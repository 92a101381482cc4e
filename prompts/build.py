"""`voicebox prompts build`: renders what has no recording yet, or whose text or making has changed."""

import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from prompts import manifest, mastering, pico
from prompts.catalogue import catalogue
from prompts.loudness import Samples
from prompts.manifest import Entry
from prompts.tones import RATE_HZ
from prompts.utterance import Utterance
from voicebox.i18n import Language

RECORDINGS: Final = Path(__file__).parent / "recordings"
"""Where the shipped recordings lie; a checkout is built in place."""
BITRATE_BPS: Final = 16_000
"""Wideband speech is transparent to a telephone at this rate, and the whole set takes a sixth of what FLAC takes."""
SUFFIX: Final = ".opus"
MASTERING: Final = "1"
"""Raised whenever the mastering changes what is heard, so that everything is rendered anew."""


Render = Callable[[Language, Utterance], tuple[Samples, int]]
"""A voice: speaks an utterance; returns the samples and their rate in Hz."""


@dataclass(slots=True)
class BuildReport:
    """What a build did, as "de/greeting-busy"."""

    rendered: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def build(
    languages: Iterable[Language] = tuple(Language),
    directory: Path = RECORDINGS,
    progress: Callable[[str], None] = lambda _: None,
    render: Render = pico.render,
) -> BuildReport:
    """Bring the recordings up to date with the catalogue; `progress` gets each name once it is done.

    An interrupted build is taken up where it stopped. Files of ids that the catalogue no longer has are removed.

    Raises:
        PicoError: the voice is not installed, or could not say something.
        ManifestError: an existing manifest cannot be read.
    """
    report = BuildReport()
    for language in languages:
        _build_language(language, directory / language, report, progress, render)
    return report


def text_hash(language: Language, utterance: Utterance) -> str:
    """Return the hash of a text and of the way it is made: SSML, engine, voice, mastering."""
    made = (pico.ENGINE, pico.VOICES[language], pico.ssml(language, utterance), MASTERING)
    return manifest.digest("\n".join((utterance.text, *made)).encode())[:16]


def encode(samples: NDArray[np.int16]) -> bytes:
    """Return the samples as an Ogg Opus file, mono, 16 kHz, of about `BITRATE_BPS`."""
    buffer = io.BytesIO()
    # libsndfile maps its compression level from 0 to 1 to 256 down to 6 kbit/s for each channel.
    level = 1 - (BITRATE_BPS - 6_000) / 250_000
    soundfile.write(buffer, samples, RATE_HZ, format="OGG", subtype="OPUS", compression_level=level)
    return buffer.getvalue()


def decode(audio: bytes) -> NDArray[np.int16]:
    """Return the samples of a file that `encode` made."""
    samples: NDArray[np.int16] = soundfile.read(io.BytesIO(audio), dtype="int16")[0]
    return samples


def _build_language(
    language: Language, directory: Path, report: BuildReport, progress: Callable[[str], None], render: Render
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    entries = manifest.read(directory)
    wanted = catalogue(language)
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        if path.stem not in wanted:
            path.unlink()
            report.removed.append(f"{language}/{path.stem}")
    entries = {key: entry for key, entry in entries.items() if key in wanted}
    outdated = [item for item in wanted.values() if not _is_current(language, item, directory, entries.get(item.id))]
    fresh = {utterance.id for utterance in outdated}
    report.kept += [f"{language}/{key}" for key in wanted if key not in fresh]
    try:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            made = pool.map(lambda item: (item, _make(language, item, directory, render)), outdated)
            for utterance, entry in made:
                entries[utterance.id] = entry
                report.rendered.append(f"{language}/{utterance.id}")
                progress(f"{language}/{utterance.id}")
    finally:
        manifest.write(directory, language, entries)


def _is_current(language: Language, utterance: Utterance, directory: Path, entry: Entry | None) -> bool:
    path = directory / f"{utterance.id}{SUFFIX}"
    if entry is None or not path.exists() or entry.text != utterance.text:
        return False
    # A studio's recording stays as long as its text does, however the engine changes.
    made_here = entry.engine == pico.ENGINE
    if made_here and entry.text_hash != text_hash(language, utterance):
        return False
    return manifest.digest(path.read_bytes()) == entry.audio_hash


def _make(language: Language, utterance: Utterance, directory: Path, render: Render) -> Entry:
    raw, rate_hz = render(language, utterance)
    audio = encode(mastering.master(raw, rate_hz, mastering.tail_s(utterance)))
    (directory / f"{utterance.id}{SUFFIX}").write_bytes(audio)
    measured = manifest.measure(decode(audio))
    return Entry(
        text=utterance.text,
        text_hash=text_hash(language, utterance),
        engine=pico.ENGINE,
        voice=pico.VOICES[language],
        licence=pico.LICENCE,
        audio_hash=manifest.digest(audio),
        length_s=measured.length_s,
        lufs=measured.lufs,
        peak_dbfs=measured.peak_dbfs,
    )
