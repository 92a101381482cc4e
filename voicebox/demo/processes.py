"""Processes of the demo: each leads a group of its own, and none outlives the demo."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

END_S: Final = 12.0
"""For an orderly end after SIGTERM; then SIGKILL."""
LINE_MAX: Final = 1 << 20
"""Bytes of a line that is read from a process; a second of audio is 11 KB."""
PR_SET_PDEATHSIG: Final = 1
"""prctl(2): which signal a process gets when its parent dies, even by SIGKILL. Linux only."""


@asynccontextmanager
async def running(
    command: Sequence[str], *, folder: Path, log: IO[bytes], talking: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process while the context is open; `talking` gives it a standard input.

    Ctrl-C reaches the demo alone, which ends its processes in order: each has a session of its own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voicebox.demo.processes",
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE if talking else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        limit=LINE_MAX,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_S)
    except TimeoutError:
        pass
    finally:
        # Whatever it started goes with it: the group is its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def main() -> None:
    """Become the command given, after asking for SIGTERM should the demo itself be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the demo's own commands, without a shell


if __name__ == "__main__":
    main()
