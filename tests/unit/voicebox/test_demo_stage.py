"""What the demo shows: the same story as plain lines and drawn, within 80 columns, in both languages."""

import dataclasses
import io
import re

import numpy as np
import pytest
from rich.console import Console

from voicebox.demo.live import LiveStage
from voicebox.demo.picture import draw
from voicebox.demo.stage import Act, Kind, Plain, Row
from voicebox.demo.strip import COLUMNS, Lane, Strip
from voicebox.demo.wording import ENGLISH, GERMAN, usual_language
from voicebox.i18n import Language

ROWS = [
    Row("phone", "an independent one"),
    Row("", "voicebox apply directory.toml", Kind.COMMAND),
    Row("0.02 s", "voicebox picks up", Kind.STEP),
    Row("7.27 s", "Hello. " * 20, Kind.HEARD),
    Row("9.00 s", "Please call again.", Kind.SAID),
    Row("Subject", "New [bold]message", Kind.QUOTE),
]


def act() -> Act:
    strip = Strip("Clara")
    strip.heard.add(7, np.full(8000 * 6, 4000, np.int16))
    strip.said.add(12, np.full(8000 * 4, 4000, np.int16))
    strip.add_tone(7)
    for index, key in enumerate("1001#"):
        strip.add_key(2 + index * 0.2, key)
    return Act("Clara calls Anna", list(ROWS), strip, took_s=12.3)


def drawn(**options: bool) -> str:
    console = Console(width=80, file=io.StringIO(), force_terminal=False, highlight=False)
    console.print(draw(act(), **options))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_act_is_drawn_within_eighty_columns() -> None:
    shown = drawn()
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "● Clara calls Anna" in shown
    assert "12.3 s" in shown
    assert "$ voicebox apply directory.toml" in shown
    # Markup in what others wrote is no markup.
    assert "New [bold]message" in shown
    assert "✗ Clara calls Anna" in drawn(failed=True)


def test_the_strip_chart_shows_both_sides_and_the_keys_in_their_time() -> None:
    lines = [line for line in drawn().splitlines() if line.strip()]
    begin = next(index for index, line in enumerate(lines) if line.lstrip().startswith("voicebox "))
    heard, said, keys, axis = (line[15:] for line in lines[begin : begin + 4])
    assert heard.startswith("··") and heard[2] not in " ·"  # noqa: PT018 - one picture
    assert said.startswith("·" * 16)
    assert said[16] not in " ·"
    assert keys.index("1001#") == 4
    assert axis.startswith("0 s")
    assert axis.index("5 s") == 10


def test_a_lane_never_grows_past_its_columns() -> None:
    lane = Lane()
    lane.add(3600, np.full(8000, 1000, np.int16))
    assert lane.energies == []
    lane.add(COLUMNS * 0.5 + 1, np.full(16000, 1000, np.int16))
    assert len(lane.energies) == COLUMNS
    strip = Strip("Anna")
    for t in range(200):
        strip.add_key(t, "1")
    assert len(strip.keys) <= COLUMNS


def test_silence_and_full_scale_are_the_ends_of_the_scale() -> None:
    lane = Lane()
    lane.add(1, np.concatenate([np.zeros(4000, np.int16), np.full(4000, 32767, np.int16)]))
    assert [lane.height(0), lane.height(1), lane.height(2)] == [0, 8, 0]


def test_plain_lines_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Plain("The demo failed", "From the log")
    stage.begin(Act("First"))
    for row in ROWS:
        stage.add(row)
    stage.end()
    stage.begin(Act("Second"))
    stage.fail("no tone", ["a line"])
    shown = capsys.readouterr().out
    assert shown.startswith("1. First\n        phone  an independent one\n")
    assert "$ voicebox apply" in shown
    assert "Please call again." in shown
    assert shown.endswith("\n2. Second\n\nThe demo failed: no tone\nFrom the log:\n   a line\n")


def test_the_live_stage_leaves_every_act_behind() -> None:
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True, color_system=None)
    with LiveStage(console, "The demo failed", "From the log") as stage:
        stage.begin(act())
        stage.end()
        stage.begin(Act("Second"))
        stage.add(Row("", "something"))
        stage.fail("no tone", ["a line"])
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "● Clara calls Anna" in shown
    assert "✗ Second" in shown
    assert "The demo failed: no tone" in shown


def test_both_languages_fill_in_the_same() -> None:
    for name, german in dataclasses.asdict(GERMAN).items():
        english = getattr(ENGLISH, name)
        assert german and english, name  # noqa: PT018 - neither may be empty
        assert sorted(re.findall(r"{\w+}", german)) == sorted(re.findall(r"{\w+}", english)), name


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "de_DE.UTF-8"}, Language.DE),
        ({"LANG": "de_AT.UTF-8", "LC_ALL": "en_GB.UTF-8"}, Language.EN),
        ({"LANG": "fr_FR.UTF-8"}, Language.EN),
        ({"LANG": "C"}, Language.EN),
    ],
)
def test_the_locale_chooses_the_language(
    variables: dict[str, str], language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert usual_language() is language
