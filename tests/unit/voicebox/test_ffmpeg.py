"""M4A and WebM: decoded as they sound, refused in words, and the decoder held within its limits (row 12)."""

import ast
import contextlib
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from tests.containers import FORMS, contained, elsewhere, ffmpeg, silent_film
from tests.system.audio import likeness
from voicebox.ffmpeg import Container, Failure, Limits, NotDecoded
from voicebox.ffmpeg import decoded as by_ffmpeg
from voicebox.greeting_file import FILE_MAX_BYTES, Fault, GreetingRefused, decoded, read_greeting

EBML = b"\x1a\x45\xdf\xa3"
SECONDS = 2
MOST = 48_000 * SECONDS
Decoder = Callable[[str], str]


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens: no file where temporary ones go, no descriptor, no child."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    before, known = descriptors(), set(children())
    yield
    assert list(folder.iterdir()) == []
    assert descriptors() == before
    assert set(children()) <= known  # other tests' servers among them


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def speech(length_s: float = SECONDS, rate_hz: int = 48_000, *, seed: int = 1) -> Any:
    """Noise with syllables, no higher than what 8 kHz carry."""
    t = np.arange(round(length_s * 8000)) / 8000
    voice = np.random.default_rng(seed).normal(0, 0.1, len(t)) * (0.35 + 0.65 * np.sin(2 * np.pi * 1.7 * t) ** 2)
    return soxr.resample(voice, 8000, rate_hz)


def like(part: Any, whole: Any) -> float:
    """Return how like the best fitting stretch is to what was said, but its ends."""
    return likeness(part[4800:-4800], whole)


def refused(data: bytes, **how: Any) -> tuple[str, Fault]:
    with pytest.raises(GreetingRefused) as caught:
        decoded(data, **how)
    assert caught.value.cure.endswith(".")
    return caught.value.problem, caught.value.fault


def failure(data: bytes, container: Container = Container.MP4, **how: Any) -> Failure:
    with pytest.raises(NotDecoded) as caught:
        by_ffmpeg(data, container, MOST, **how)
    return caught.value.why


# What phones and browsers record


@pytest.mark.parametrize("form", list(FORMS))
def test_row_12_it_sounds_as_it_was_recorded(form: str, tmp_path: Path) -> None:
    said = speech()
    (tmp_path / "greeting").write_bytes(contained(said, 48_000, form, tmp_path))
    heard, rate_hz = decoded(read_greeting(tmp_path / "greeting"))
    assert rate_hz == 48_000
    assert len(heard) / rate_hz == pytest.approx(SECONDS, abs=0.1)
    assert like(said, heard) > 0.97
    assert like(speech(seed=2), heard) < 0.2


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_row_12_both_channels_are_heard_at_any_rate(rate_hz: int, tmp_path: Path) -> None:
    left, right = speech(rate_hz=rate_hz), speech(rate_hz=rate_hz, seed=2)
    heard, found_hz = decoded(contained(np.column_stack([left, right]), rate_hz, "m4a-alac", tmp_path))
    both = soxr.resample((left + right) / 2, rate_hz, found_hz)
    assert like(both, heard) > 0.97


@pytest.mark.parametrize("form", ["m4a-alac", "webm-chromium"])
def test_row_12_three_minutes_are_the_limit(form: str, tmp_path: Path) -> None:
    heard, rate_hz = decoded(contained(speech(179, 8000), 8000, form, tmp_path))
    assert len(heard) / rate_hz == pytest.approx(179, abs=0.1)
    assert len(decoded(contained(speech(180, 8000), 8000, form, tmp_path))[0]) == 180 * rate_hz
    assert refused(contained(speech(181, 8000), 8000, form, tmp_path)) == ("is longer than 180 s", Fault.TOO_LONG)


def test_row_12_what_pads_the_last_frame_does_not_make_it_too_long(tmp_path: Path) -> None:
    heard, rate_hz = decoded(contained(speech(180, 24_000), 24_000, "mp4-safari", tmp_path))
    assert len(heard) == 180 * rate_hz


# What is refused


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_row_12_a_film_without_sound_holds_no_audio(form: str, tmp_path: Path) -> None:
    assert refused(silent_film(form, tmp_path)) == ("holds no audio", Fault.EMPTY)


@pytest.mark.parametrize("form", ["m4a", "webm"])
def test_row_12_a_moment_is_no_announcement(form: str, tmp_path: Path) -> None:
    assert refused(contained(speech(0.02), 48_000, form, tmp_path)) == ("holds no audio", Fault.EMPTY)


@pytest.mark.parametrize("form", list(FORMS))
def test_row_12_what_breaks_off_is_refused(form: str, tmp_path: Path) -> None:
    whole = contained(speech(), 48_000, form, tmp_path)
    for part in (0.1, 0.6, 0.9):
        assert refused(whole[: round(len(whole) * part)])[1] is Fault.UNREADABLE, part


@pytest.mark.parametrize(
    "data",
    [EBML, EBML * 1000, b"\0\0\0\x18ftyp", b"\0\0\0\x18ftypM4A " + b"\xff" * 1000, EBML + bytes(FILE_MAX_BYTES - 4)],
)
def test_row_12_what_only_begins_like_one_is_refused(data: bytes) -> None:
    assert refused(data)[1] is Fault.UNREADABLE
    assert refused(data + bytes(FILE_MAX_BYTES))[1] is Fault.TOO_LARGE


@pytest.mark.parametrize("form", ["m4a", "mp4-safari", "webm-chromium", "mp4-video"])
def test_security_row_09_damage_is_refused_or_heard_and_nothing_else(form: str, tmp_path: Path) -> None:
    whole, rng = contained(speech(), 48_000, form, tmp_path), np.random.default_rng(9)
    for at in range(8):
        damaged = bytearray(whole)
        for place in rng.integers(8, 800 if at % 2 else len(whole), 1 + at):
            damaged[place] = rng.integers(256)
        with contextlib.suppress(GreetingRefused):
            heard, rate_hz = decoded(bytes(damaged))
            assert len(heard) <= 180 * rate_hz
            assert np.isfinite(heard).all()


def test_row_12_what_claims_days_is_as_long_as_it_sounds(tmp_path: Path) -> None:
    m4a = bytearray(contained(speech(), 48_000, "m4a", tmp_path))
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):  # ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2
        struct.pack_into(">I", m4a, m4a.index(box) + offset, 0xFFFF_FFF0)
    webm = bytearray(contained(speech(), 48_000, "webm", tmp_path))
    struct.pack_into(">d", webm, webm.index(b"\x44\x89\x88") + 3, 1e9)  # Duration, RFC 9559, 5.1.2.10
    for data in (m4a, webm):
        heard, rate_hz = decoded(bytes(data))
        assert len(heard) / rate_hz == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("text", "as_list"),
    [
        ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n", ("-f", "hls")),
        ("ffconcat version 1.0\nfile '{}'\n", ("-f", "concat", "-safe", "0")),
    ],
)
def test_security_row_09_no_list_of_other_files_is_followed(
    text: str, as_list: tuple[str, ...], tmp_path: Path
) -> None:
    said, other, bait = speech(), tmp_path / "other.m4a", tmp_path / "list.m4a"
    other.write_bytes(contained(said, 48_000, "m4a", tmp_path))
    bait.write_text(text.format(other))
    assert like(said, by_hand(*as_list, file=bait)) > 0.97, "the bait is good"
    with pytest.raises(GreetingRefused, match="no audio file"):
        read_greeting(bait)
    # Even if it were taken for one of ours.
    for container in Container:
        assert failure(bait.read_bytes(), container) is Failure.BROKEN


def by_hand(*options: str, file: Path) -> Any:
    """Return what ffmpeg makes of a file when it is told to go astray."""
    command = [ffmpeg(), "-loglevel", "error", *options, "-i", str(file), "-ar", "48000", "-f", "f32le", "pipe:1"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


def test_security_row_09_no_file_that_an_m4a_names_is_read(tmp_path: Path) -> None:
    said, other, bait = speech(), tmp_path / "other.m4a", tmp_path / "bait.m4a"
    other.write_bytes(contained(said, 48_000, "m4a", tmp_path))
    bait.write_bytes(elsewhere(other.read_bytes(), other))
    gone_there = by_hand("-enable_drefs", "1", "-use_absolute_path", "1", file=bait)
    assert like(said, gone_there) > 0.97, "the bait is good"
    assert refused(bait.read_bytes()) == ("holds no audio", Fault.EMPTY)
    assert refused(elsewhere(other.read_bytes(), Path("/etc/passwd"))) == ("holds no audio", Fault.EMPTY)


# Without ffmpeg, and with one that does not do as it should


def test_row_12_without_ffmpeg_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = contained(speech(), 48_000, "m4a", tmp_path)
    assert refused(data, program="/nowhere/ffmpeg")[1] is Fault.NEEDS_FFMPEG
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GreetingRefused) as caught:
        decoded(data)
    assert str(caught.value) == (
        "is M4A or WebM, which needs ffmpeg. "
        "Install it (apt install ffmpeg), or save the file as WAV, FLAC, MP3 or Ogg."
    )


@pytest.fixture
def decoder(tmp_path: Path) -> Decoder:
    """What writes a program in ffmpeg's place, and returns its path."""

    def write(does: str) -> str:
        program = tmp_path / "decoder"
        program.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\nwrite = sys.stdout.buffer.write\n{does}\n")
        program.chmod(0o700)
        return str(program)

    return write


def test_a_decoder_that_waits_is_ended(decoder: Decoder) -> None:
    began = time.monotonic()
    slow = decoder("time.sleep(60)")
    assert failure(EBML, program=slow, limits=Limits(wall_s=0.3)) is Failure.LATE
    silent = decoder("os.close(1); os.close(2); time.sleep(60)")
    assert failure(EBML, program=silent, limits=Limits(wall_s=0.3)) is Failure.LATE
    assert refused(EBML, program=slow, limits=Limits(wall_s=0.3)) == ("takes too long to read", Fault.TOO_SLOW)
    assert time.monotonic() - began < 30


def test_a_decoder_that_computes_for_ever_is_ended(decoder: Decoder) -> None:
    stubborn = decoder("import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass")
    assert failure(EBML, program=stubborn, limits=Limits(cpu_s=1)) is Failure.LATE


def test_a_flood_is_cut_off(decoder: Decoder) -> None:
    flood = decoder("while True: write(bytes(1 << 20))")
    assert len(by_ffmpeg(EBML, Container.MATROSKA, MOST, program=flood)) == MOST
    assert refused(EBML, program=flood) == ("is longer than 180 s", Fault.TOO_LONG)
    complaining = decoder("while True: os.write(2, bytes(1 << 20))")
    assert failure(EBML, program=complaining, limits=Limits(wall_s=0.5)) is Failure.LATE


def test_a_decoder_that_wants_all_memory_fails(decoder: Decoder) -> None:
    greedy = decoder("write(bytes(1 << 28))")
    assert len(by_ffmpeg(EBML, Container.MP4, MOST, program=greedy)) == MOST
    assert failure(EBML, program=greedy, limits=Limits(memory_bytes=1 << 28)) is Failure.BROKEN


def test_a_decoder_that_crashes_has_found_damage(decoder: Decoder) -> None:
    crashing = decoder("os.kill(os.getpid(), 11)")
    assert failure(EBML, program=crashing) is Failure.BROKEN


def test_a_decoder_knows_and_changes_nothing(decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOX_SECRET", "1")
    told = decoder("write(repr([sorted(os.environ), os.getcwd(), os.getsid(0) == os.getpid()]).encode().ljust(400))")
    said = by_ffmpeg(EBML, Container.MP4, MOST, program=told).tobytes().decode()
    known, place, apart = ast.literal_eval(said.strip())
    assert (set(known) - {"LC_CTYPE"}, place, apart) == ({"MALLOC_ARENA_MAX"}, "/", True)
    file = tmp_path / "written"
    writing = decoder(f"with open({str(file)!r}, 'wb', buffering=0) as file: file.write(b'x')")
    assert failure(EBML, program=writing) is Failure.BROKEN
    assert file.read_bytes() == b""
    opening = decoder("kept = [os.open('/dev/null', os.O_RDONLY) for _ in range(20)]")
    assert failure(EBML, program=opening) is Failure.BROKEN


def test_a_decoder_gets_the_file_whole(decoder: Decoder) -> None:
    data = EBML + bytes(range(256)) * 4000
    echo = decoder("write(open(sys.argv[sys.argv.index('-i') + 1], 'rb').read())")
    assert by_ffmpeg(data, Container.MATROSKA, MOST * 100, program=echo).tobytes() == data


def test_a_decoder_dies_with_who_started_it(decoder: Decoder, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    waiting = decoder(f"os.close(os.open(f'{begun}/{{os.getpid()}}', os.O_CREAT)); time.sleep(60)")
    code = f"from voicebox.ffmpeg import *; decoded({EBML!r}, Container.MATROSKA, 9, program={waiting!r})"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        try:
            child = eventually(lambda: next((int(file.name) for file in begun.iterdir()), None))
            assert Path(f"/proc/{child}").exists()
        finally:
            parent.send_signal(signal.SIGKILL)
    eventually(lambda: not lives(child) or None)


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 30
    while (found := look()) is None:
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
    return found
