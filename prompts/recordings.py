"""The recordings: the audio of every utterance, shipped with the package, or a studio's in a directory of its own.

Order of preference for an utterance: the studio's recording, the shipped one, the same sentence in another language,
silence. Nothing here raises: a prompt that is missing must never end a call. A studio's numbers, dates and carriers
are used only if it has recorded all of them, and they have no stand-in in another language: a sentence must not change
its voice half-way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

import numpy as np
import soundfile
import soxr
import structlog
from numpy.typing import NDArray

from prompts.catalogue import catalogue
from prompts.tones import RATE_HZ, TONES, silence
from voicebox.i18n import Language

LOST_S: Final = 0.2
"""Silence in place of an utterance that nobody has."""
SUFFIXES: Final = (".opus", ".flac")
"""What is shipped is Ogg Opus; what a studio delivers is kept as FLAC."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Recordings:
    """Decodes utterances on demand. It keeps only the last one, which is asked for once for every codec in a row.

    The media plane keeps each utterance encoded; all of them decoded would take 160 MB.
    """

    _sources: Mapping[tuple[Language, str], tuple[Path, ...]]
    missing: set[tuple[Language, str]] = field(default_factory=set)
    """Utterances without a recording of their own in their language, or whose file turned out to be broken."""

    _last: tuple[Path, NDArray[np.int16]] | None = None

    @classmethod
    def open(cls, studio: Path | None = None, shipped: Path | None = None) -> Self:
        """Look up which recordings exist; reads directories only, no audio.

        Args:
            studio: a directory with `de/` and `en/` that takes precedence, as `prompts import` makes it.
            shipped: where the package's own recordings lie; None is the installed package.
        """
        own = shipped if shipped is not None else Path(str(files("prompts") / "recordings"))
        sources: dict[tuple[Language, str], tuple[Path, ...]] = {}
        for language in Language:
            in_studio = _usable(language, _present(studio / language) if studio is not None else {})
            in_package = _present(own / language)
            for utterance_id in catalogue(language):
                found = (in_studio.get(utterance_id), in_package.get(utterance_id))
                sources[language, utterance_id] = tuple(path for path in found if path is not None)
        return cls(sources, {key for key, paths in sources.items() if not paths})

    def pcm(self, language: Language, utterance_id: str) -> NDArray[np.int16]:
        """Return an utterance or tone, int16 mono at 16 kHz, read-only. Never raises.

        An utterance that nobody has is a short silence.
        """
        if utterance_id in TONES:
            return TONES[utterance_id]
        for speaker in self._speakers(language, utterance_id):
            for path in self._sources.get((speaker, utterance_id), ()):
                if (last := self._last) is not None and last[0] == path:
                    return last[1]
                samples = _decode(path)
                if samples is not None:
                    samples.setflags(write=False)
                    self._last = (path, samples)
                    return samples
                self.missing.add((speaker, utterance_id))
        _log.warning("prompt-missing", prompt=utterance_id, language=str(language))
        self.missing.add((language, utterance_id))
        return silence(LOST_S)

    def _speakers(self, language: Language, utterance_id: str) -> Iterator[Language]:
        yield language
        utterance = catalogue(language).get(utterance_id)
        if utterance is None or not utterance.part:
            yield from (other for other in Language if other is not language)

    def ids(self, language: Language) -> Iterator[str]:
        """Yield every id that `pcm` answers in a language: the catalogue's, then the tones."""
        yield from catalogue(language)
        yield from TONES


def _present(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        return {}
    return {path.stem: path for path in directory.iterdir() if path.suffix in SUFFIXES}


def _usable(language: Language, present: dict[str, Path]) -> dict[str, Path]:
    """Leave out a studio's parts of sentences unless it has every one of them."""
    parts = {utterance.id for utterance in catalogue(language).values() if utterance.part}
    return present if parts <= present.keys() else {key: path for key, path in present.items() if key not in parts}


def _decode(path: Path) -> NDArray[np.int16] | None:
    try:
        samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        _log.warning("prompt-unreadable", path=str(path), error=str(error))
        return None
    mono: NDArray[np.int16] = samples[:, 0]
    if rate_hz != RATE_HZ:
        mono = soxr.resample(mono, rate_hz, RATE_HZ)
    return mono
