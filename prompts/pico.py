"""The voice: SVOX Pico, run as `pico2wave` from Debian's libttspico-utils. Needed to build prompts, never to run.

Pico gives a phrase a rising or falling end by what follows it, so a carrier ("Von der Rufnummer:") is rendered with a
word behind it that is cut off again at the pause between them.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
import soundfile

from prompts import german
from prompts.loudness import Samples
from prompts.utterance import Utterance
from voicebox.i18n import Language

ENGINE: Final = "SVOX Pico 1.0 (pico2wave)"
LICENCE: Final = "Apache-2.0 (see prompts/LICENSES.md)"
VOICES: Final = {Language.DE: "de-DE", Language.EN: "en-GB"}
SPEEDS: Final = {Language.DE: 90, Language.EN: 100}
"""Per cent. The German voice is hurried at its own speed."""
DICTATION_SPEED: Final = 80
"""Of telephone numbers, which are written down; a recogniser hears twice as many of the pairs at this speed."""
DICTATED: Final = "digits-"
LEXICON: Final[dict[Language, dict[str, str]]] = {
    Language.DE: {
        "Mailbox": """<phoneme alphabet='xsampa' ph='"mE:l.bOks'/>""",
        "Mailboxen": """<phoneme alphabet='xsampa' ph='"mE:l.bOk.s@n'/>""",
        "E-Mail": """<phoneme alphabet='xsampa' ph='"i:.me:l'/>""",
    },
    Language.EN: {"withheld": "with-held", "passcode": "pass code"},
}
"""Words that the engine misreads, with their SSML."""
_FIGURES: Final = {
    **{german.word(n): str(n) for n in range(21, 100) if n % 10},
    **{german.year_words(year): str(year) for year in range(2001, 2100)},
}
_NUMBER_WORDS: Final = re.compile(r"\b(?:" + "|".join(_FIGURES) + r")\b", re.IGNORECASE)
"""The German voice says figures as numbers, but spells its way through their long words."""
FOLLOWERS: Final = {Language.DE: "eins", Language.EN: "one"}
"""A word without a stop consonant, so that the last pause is the one before it."""
PAUSE_S: Final = 0.15
"""The shortest pause after a comma; the closure of a stop consonant is shorter."""
SILENCE_BELOW: Final = 0.004
"""Of full scale, RMS over 10 ms."""
TIMEOUT_S: Final = 30.0


class PicoError(RuntimeError):
    """The engine is absent, failed, or said something that cannot be cut."""


def ssml(language: Language, utterance: Utterance) -> str:
    """Return what the engine is given."""
    text = escape(utterance.text)
    for word, said in LEXICON[language].items():
        text = re.sub(rf"\b{word}\b", said, text)
    if language is Language.DE:
        text = _NUMBER_WORDS.sub(lambda found: _FIGURES[found[0].lower()], text)
        # A figure before a full stop would be read as an ordinal.
        text = re.sub(r"(?<=\d)\.$", "", text)
    if utterance.carrier:
        text = f"{text[:-1]}, {FOLLOWERS[language]}."
    speed = DICTATION_SPEED if utterance.id.startswith(DICTATED) else SPEEDS[language]
    return f"<speed level='{speed}'>{text}</speed>"


def render(language: Language, utterance: Utterance) -> tuple[Samples, int]:
    """Return the utterance as spoken, with the engine's silence around it, and its rate in Hz.

    Raises:
        PicoError: the engine is not installed or failed.
    """
    samples, rate_hz = _run(VOICES[language], ssml(language, utterance))
    return (without_follower(samples, rate_hz, utterance) if utterance.carrier else samples), rate_hz


def _run(voice: str, text: str) -> tuple[Samples, int]:
    program = shutil.which("pico2wave")
    if program is None:
        raise PicoError("pico2wave is not installed: on Debian, enable non-free and install libttspico-utils")
    with tempfile.TemporaryDirectory(prefix="voicebox-prompts-") as folder:
        path = Path(folder) / "spoken.wav"
        # The text is ours (the catalogue), and is passed as an argument, not through a shell.
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments without a shell
            [program, "-l", voice, "-w", str(path), text],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0 or not path.exists():
            raise PicoError(f"pico2wave failed for {text!r}: {done.stderr.strip() or done.returncode}")
        samples, rate_hz = soundfile.read(path, dtype="float64")
    return samples, rate_hz


def without_follower(samples: Samples, rate_hz: int, utterance: Utterance) -> Samples:
    """Return a rendered carrier without the word behind it and without most of the pause between them.

    Raises:
        PicoError: there is no pause.
    """
    frame = rate_hz // 100
    count = samples.size // frame
    loud = np.sqrt(np.mean(samples[: count * frame].reshape(count, frame) ** 2, axis=1)) > SILENCE_BELOW
    indices = np.flatnonzero(loud)
    gaps = np.flatnonzero(np.diff(indices) > PAUSE_S * 100)
    if gaps.size == 0:
        raise PicoError(f"no pause after {utterance.id}: the follower cannot be cut off")
    # Keep most of the pause: what is trimmed later is found by level, not by this cut.
    last, following = int(indices[gaps[-1]]), int(indices[gaps[-1] + 1])
    return samples[: max(last + 1, following - 3) * frame]
