"""Make docs/pictures/demo.svg, the README's picture of a call: play the demo and draw what it showed.

Run it as `.venv/bin/python docs/pictures/make_demo_picture.py`. Nothing in the picture is made up.
"""

import asyncio
import io
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from voicebox.demo.picture import draw
from voicebox.demo.run import play
from voicebox.demo.stage import Act, Row
from voicebox.demo.wording import words
from voicebox.i18n import Language

PICTURE: Final = Path(__file__).with_name("demo.svg")
WIDTH: Final = 80
SHOWN: Final = slice(1, 4)
"""The call, what came of it, and the message fetched; not where everything listened that day."""

THEME: Final = TerminalTheme(
    background=(24, 27, 33),
    foreground=(216, 220, 226),
    normal=[
        (24, 27, 33),
        (229, 115, 115),
        (129, 199, 132),
        (240, 196, 110),
        (121, 174, 240),
        (200, 150, 220),
        (110, 200, 210),
        (216, 220, 226),
    ],
    bright=[
        (122, 130, 142),
        (229, 115, 115),
        (129, 199, 132),
        (240, 196, 110),
        (121, 174, 240),
        (200, 150, 220),
        (110, 200, 210),
        (240, 242, 245),
    ],
)

# Rich's own format loads a font from the network, which pictures in a README may not.
FORMAT: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>What voicebox demo shows</title>
<style>
.{unique_id}-matrix {{
    font-family: "Fira Code", "DejaVu Sans Mono", "SFMono-Regular", Menlo, Consolas, monospace;
    font-size: {char_height}px; line-height: {line_height}px;
    font-variant-east-asian: full-width; font-variant-ligatures: none;
}}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


class Album:
    """A stage that keeps the acts."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    def begin(self, act: Act) -> None:
        """Keep an act."""
        self.acts.append(act)

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.acts[-1].rows.append(row)

    def end(self) -> None:
        """Note how long the act took."""
        self.acts[-1].took_s = time.monotonic() - self.acts[-1].began

    def fail(self, why: str, log: list[str]) -> None:
        """There will be no picture."""
        sys.exit("\n".join([why, *log]))


def main() -> None:
    """Play, and draw."""
    album = Album()
    asyncio.run(play(album, words(Language.EN), Language.EN, once=True))
    console = Console(
        width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    for act in album.acts[SHOWN]:
        console.print(draw(act))
    svg = console.export_svg(title="voicebox demo", theme=THEME, code_format=FORMAT, unique_id="voicebox-demo")
    PICTURE.write_text("".join(f"{line.rstrip()}\n" for line in svg.splitlines()), encoding="utf-8")


if __name__ == "__main__":
    main()
