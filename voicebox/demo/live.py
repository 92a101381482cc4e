"""The live stage: the act that plays is redrawn in place, and stays behind as it ended."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.text import Text

from voicebox.demo.picture import draw
from voicebox.demo.stage import Act, Row

FRAMES_PER_S: Final = 8
ROWS_OTHERWISE: Final = 12
"""Lines of title, strip chart and margins, and of rows that take two."""
ROWS_LEAST: Final = 4


class LiveStage:
    """A terminal."""

    def __init__(self, console: Console, failed: str, log: str) -> None:
        """Make one; `failed` and `log` introduce a failure and its log lines."""
        self._console = console
        self._failed = failed
        self._log = log
        self._act: Act | None = None
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, get_renderable=self._now, refresh_per_second=FRAMES_PER_S, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, act: Act) -> None:
        """Show the act from now on."""
        self._act = act

    def add(self, row: Row) -> None:
        """Show a row."""
        if self._act is not None:
            self._act.rows.append(row)

    def end(self) -> None:
        """Leave the act behind, above the next one."""
        if self._act is not None:
            self._act.took_s = time.monotonic() - self._act.began
            act, self._act = self._act, None
            self._console.print(draw(act))

    def fail(self, why: str, log: list[str]) -> None:
        """Leave what there is behind, and say why."""
        if self._act is not None:
            act, self._act = self._act, None
            self._console.print(draw(act, failed=True))
        self._console.print(Padding(Text.assemble((f"{self._failed}: ", "bold red"), why), (1, 2, 0, 2)))
        if log:
            self._console.print(Padding(Text("\n".join([f"{self._log}:", *log]), style="dim"), (1, 2, 0, 2)))

    def _now(self) -> RenderableType:
        if self._act is None:
            return Text("")
        # In a low terminal the latest rows count: all of them stay behind once the act is over.
        rows = max(ROWS_LEAST, self._console.height - ROWS_OTHERWISE)
        shown = Act(self._act.title, self._act.rows[-rows:], self._act.strip)
        return draw(shown, running=self._spinner)
