"""The manifest of a language's recordings: for each utterance what was said, by whom, under which licence, how loud."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prompts import mastering
from prompts.loudness import lufs, peak_dbfs
from prompts.tones import RATE_HZ
from voicebox.i18n import Language

NAME: Final = "manifest.json"
VERSION: Final = 1


class ManifestError(ValueError):
    """The manifest is not one that this version understands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording."""

    text: str
    text_hash: str
    """Of the text and of the way it was made: where it differs, the utterance must be rendered anew."""
    engine: str
    voice: str
    licence: str
    audio_hash: str
    """SHA-256 of the file."""
    length_s: float
    lufs: float
    """Without the silence at its end."""
    peak_dbfs: float


def read(directory: Path) -> dict[str, Entry]:
    """Return the entries by id; empty where there is no manifest.

    Raises:
        ManifestError: it is damaged or of another version.
    """
    path = directory / NAME
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ManifestError(f"{path} is of version {content['version']}, not {VERSION}")
        defaults = content["defaults"]
        return {key: Entry(**defaults | entry) for key, entry in content["utterances"].items()}
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error


def write(directory: Path, language: Language, entries: Mapping[str, Entry]) -> None:
    """Write the manifest, sorted by id, with what all entries have in common said once."""
    rows = {key: asdict(entries[key]) for key in sorted(entries)}
    shared: dict[str, str] = {}
    for name in ("engine", "voice", "licence"):
        values = [str(row[name]) for row in rows.values()]
        if values:
            shared[name] = max(sorted(set(values)), key=values.count)
    lines = {
        key: {name: value for name, value in row.items() if name not in shared or shared[name] != value}
        for key, row in rows.items()
    }
    body = ",\n".join(f"    {json.dumps(key)}: {json.dumps(row, ensure_ascii=False)}" for key, row in lines.items())
    head = {"version": VERSION, "language": str(language), "rate_hz": RATE_HZ, "defaults": shared}
    opening = json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}")
    (directory / NAME).write_text(f'{opening},\n  "utterances": {{\n{body}\n  }}\n}}\n', encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Measured:
    """What can be measured on a recording."""

    length_s: float
    lufs: float
    peak_dbfs: float


def measure(samples: NDArray[np.int16]) -> Measured:
    """Return length, loudness and peak of finished samples at 16 kHz; the silence at the end counts as length only."""
    spoken = mastering.without_tail(samples) / 32768
    return Measured(round(samples.size / RATE_HZ, 3), round(lufs(spoken, RATE_HZ), 2), round(peak_dbfs(spoken), 2))


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
