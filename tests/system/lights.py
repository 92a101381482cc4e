"""A PBX that is told of message lights unasked, by SIPp: what it was told, and when."""

import re
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.system.caller import Running, Script
from tests.system.service import EVENTUALLY_S, eventually


class Pbx:
    """Takes any number of NOTIFYs while it is entered."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._running: Running | None = None

    @property
    def peer(self) -> str:
        """The peer's lines in the configuration."""
        return f'mwi = "unsolicited"\nmwi_uri = "sip:{{number}}@127.0.0.1:{self._port}"'

    def __enter__(self) -> Self:
        script = Script(self._folder).expect_request("NOTIFY").answer()
        self._running = script.await_calls("127.0.0.1", self._port, calls=1000)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._running is not None
        self._running.stop()

    def told(self, number: str) -> list[tuple[str, str]]:
        """Return what it was told of a mailbox so far: whether messages wait, and how many."""
        assert self._running is not None
        found = []
        for notify in self._running.heard().received("NOTIFY"):
            if f"NOTIFY sip:{number}@127.0.0.1:{self._port}" in notify:
                waiting = re.search(r"^Messages-Waiting: (\w+)", notify, re.MULTILINE)
                counts = re.search(r"^Voice-Message: (\S+)", notify, re.MULTILINE)
                assert waiting is not None
                found.append((waiting[1], counts[1] if counts else ""))
        return found

    def wait_for(self, number: str, state: tuple[str, str], *, within_s: float = EVENTUALLY_S) -> None:
        """Wait until the last it was told of a mailbox is this."""
        eventually(
            lambda: self.told(number)[-1:] == [state] or None, f"the light {state} of {number}", within_s=within_s
        )
