"""`voicebox prompts import`: takes in a studio's recordings, or an Asterisk sound pack, for one language.

They are mastered like our own and put, as FLAC with a manifest, into a directory that `Recordings.open(studio=...)`
prefers to the shipped ones. Without a mapping, a file is the recording of the utterance it is named after; a mapping
(TOML, `id = "file"` or `id = ["file", "file"]` to be joined, names without suffix allowed) says otherwise.
"""

import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr

from prompts import manifest, mastering
from prompts.catalogue import catalogue
from prompts.loudness import Samples
from prompts.manifest import Entry
from prompts.mastering import SilentError
from prompts.recordings import SUFFIXES
from prompts.tones import RATE_HZ
from prompts.utterance import Utterance
from voicebox.i18n import Language

HEADERLESS: Final[Mapping[str, tuple[str, int]]] = {
    **dict.fromkeys((".ulaw", ".ul", ".mu", ".pcm"), ("ULAW", 8000)),
    **dict.fromkeys((".alaw", ".al"), ("ALAW", 8000)),
    ".gsm": ("GSM610", 8_000),
    ".sln": ("PCM_16", 8_000),
    **{f".sln{khz}": ("PCM_16", khz * 1_000) for khz in (12, 16, 24, 32, 48, 96, 192)},
    ".sln44": ("PCM_16", 44_100),
}
"""What Asterisk's sound packs hold: subtype and rate of files that do not say so themselves."""
WITH_HEADER: Final = (".flac", ".wav", ".aiff", ".aif", ".ogg", ".opus", ".mp3", ".wav49", ".WAV")
PREFERRED: Final = (
    *WITH_HEADER,
    ".sln192",
    ".sln96",
    ".sln48",
    ".sln44",
    ".sln32",
    ".sln24",
    ".sln16",
    ".sln12",
    ".sln",
)
LEAST_PREFERRED: Final = (*(name for name in HEADERLESS if name not in PREFERRED),)
"""Of the same recording in several formats the best is taken: lossless, then wide, then the telephone's."""
LONGEST_S: Final = 60.0
"""No utterance is longer; a longer file is somebody's music on hold."""


class StudioError(ValueError):
    """The import cannot begin: no such directory, a broken mapping, an id or a path that does not belong."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Who spoke, and under which terms; goes into the manifest."""

    voice: str
    licence: str
    engine: str = "studio"


@dataclass(slots=True)
class ImportReport:
    """What an import did; whatever it lacks falls back to the shipped voice."""

    imported: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Ids and why their files could not be used."""
    absent: list[str] = field(default_factory=list)
    """Ids that the directory does not hold."""
    parts_complete: bool = False
    """Whether numbers, dates and carriers are all there: only then are they used at all."""


def read_mapping(path: Path) -> dict[str, tuple[str, ...]]:
    """Return a mapping file: for each id the names of the files to be joined.

    Raises:
        StudioError: it is not TOML, or a value is neither a name nor a list of names.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudioError(f"the mapping {path} cannot be read: {error}") from error
    mapping: dict[str, tuple[str, ...]] = {}
    for key, value in table.items():
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise StudioError(f"the mapping {path} gives {key!r} neither a file nor a list of files")
        mapping[key] = tuple(names)
    return mapping


def import_pack(
    source: Path,
    destination: Path,
    language: Language,
    credit: Credit,
    mapping: Mapping[str, Sequence[str]] | None = None,
) -> ImportReport:
    """Master what a directory holds into `destination/<language>/`; what was imported before stays.

    A file that cannot be used is reported and left out; it never stops the others.

    Raises:
        StudioError: the directory does not exist, or the mapping names an unknown id or a file outside it.
        ManifestError: an earlier import's manifest is damaged.
    """
    if not source.is_dir():
        raise StudioError(f"{source} is not a directory")
    known = catalogue(language)
    wanted = mapping if mapping is not None else {key: (key,) for key in known}
    unknown = sorted(wanted.keys() - known.keys())
    if unknown:
        raise StudioError(f"no utterance is called {', '.join(unknown)}")
    report = ImportReport()
    folder = destination / language
    folder.mkdir(parents=True, exist_ok=True)
    entries = manifest.read(folder)
    for key, names in wanted.items():
        paths = [_find(source, name) for name in names]
        if None in paths:
            report.absent.append(key)
            continue
        try:
            entries[key] = _take_in(folder, known[key], [path for path in paths if path is not None], credit)
        except (SilentError, OSError, soundfile.SoundFileError, _UnusableError) as error:
            report.refused[key] = str(error)
        else:
            report.imported.append(key)
    manifest.write(folder, language, entries)
    report.absent += [key for key in known if key not in wanted and key not in entries]
    report.parts_complete = all(item.id in entries for item in known.values() if item.part)
    return report


class _UnusableError(ValueError):
    """A file that can be read but is no utterance."""


def _take_in(folder: Path, utterance: Utterance, paths: Sequence[Path], credit: Credit) -> Entry:
    joined = np.concatenate([_read(path) for path in paths])
    samples = mastering.master(joined, RATE_HZ, mastering.tail_s(utterance))
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE_HZ, format="FLAC", subtype="PCM_16")
    audio = buffer.getvalue()
    for suffix in SUFFIXES:
        (folder / f"{utterance.id}{suffix}").unlink(missing_ok=True)
    (folder / f"{utterance.id}.flac").write_bytes(audio)
    measured = manifest.measure(samples)
    return Entry(
        text=utterance.text,
        text_hash=manifest.digest(utterance.text.encode())[:16],
        engine=credit.engine,
        voice=credit.voice,
        licence=credit.licence,
        audio_hash=manifest.digest(audio),
        length_s=measured.length_s,
        lufs=measured.lufs,
        peak_dbfs=measured.peak_dbfs,
    )


def _read(path: Path) -> Samples:
    if path.suffix in HEADERLESS:
        subtype, rate_hz = HEADERLESS[path.suffix]
        samples, _ = soundfile.read(
            path, samplerate=rate_hz, channels=1, format="RAW", subtype=subtype, endian="LITTLE", always_2d=True
        )
    else:
        samples, rate_hz = soundfile.read(path, always_2d=True)
    if samples.shape[0] > LONGEST_S * rate_hz:
        raise _UnusableError(f"{path.name} is {samples.shape[0] / rate_hz:.0f} s long; at most {LONGEST_S:.0f} s")
    mono: Samples = samples.mean(axis=1)
    return mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ, quality="VHQ")


def _find(source: Path, name: str) -> Path | None:
    """Return the best file of that name in the directory, with or without suffix; None where there is none.

    Raises:
        StudioError: the name leads outside the directory.
    """
    for candidate in _candidates(source / name):
        if candidate.is_file():
            if not candidate.resolve().is_relative_to(source.resolve()):
                raise StudioError(f"{name} leads outside {source}")
            return candidate
    return None


def _candidates(path: Path) -> Iterator[Path]:
    yield from (path.with_name(path.name + suffix) for suffix in (*PREFERRED, *LEAST_PREFERRED))
    if path.suffix in (*PREFERRED, *LEAST_PREFERRED):
        yield path
