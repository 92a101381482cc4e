"""`kill -9` at every step of a deposit: after a restart there is the message, once, with its mail and its sound."""

import asyncio
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import mortal
from tests.fakes.rows import one_mailbox
from voicebox.storage.database import Database

pytestmark = pytest.mark.system

WHOLE = mortal.FRAMES * 160
BEFORE_ACCEPT = {"recording", "ended", "accepting"}


# Each is forked from one that has imported everything: an interpreter would take longer to start than all it does.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.fakes.mortal"])


async def run(folder: Path, url: str, point: str) -> tuple[int | None, dict[str, Any]]:
    answer, their_end = PROCESSES.Pipe(duplex=False)
    with answer, their_end:
        process = PROCESSES.Process(target=mortal.live, args=(folder, url, point, their_end))
        process.start()
        await asyncio.to_thread(process.join)
        code = process.exitcode
        process.close()
        return code, answer.recv() if answer.poll() else {}


@pytest.mark.parametrize("point", mortal.POINTS)
async def test_a_message_survives_a_kill_exactly_once(tmp_path: Path, database_url: str, point: str) -> None:
    async with await Database.open(database_url) as db:
        await one_mailbox(db, notify_email="anna@example.org")
    code, _ = await run(tmp_path, database_url, point)
    assert code == -signal.SIGKILL
    for _ in range(2):  # and once more: a second restart changes nothing
        code, state = await run(tmp_path, database_url, "none")
        assert code == 0
        ((message_id, samples, interrupted, urgent),) = state["messages"]
        assert message_id == mortal.TAKE
        assert state["keys"] == [f"mail-notify:{mortal.TAKE}", "mwi:1"]
        assert state["state"] == "stored"
        assert not state["in_spool"]
        assert state["same"]
        assert state["samples"] == samples
        assert bool(interrupted) is (point == "recording")
        assert bool(urgent) is (point not in BEFORE_ACCEPT)
        assert samples == WHOLE if point != "recording" else samples >= 200 * 160


async def test_a_process_that_lives_does_it_all(tmp_path: Path, sqlite_url: str) -> None:
    async with await Database.open(sqlite_url) as db:
        await one_mailbox(db, notify_email="anna@example.org")
    code, state = await run(tmp_path, sqlite_url, "none")
    assert code == 0
    assert state["messages"] == [[mortal.TAKE, WHOLE, False, True]]
    assert state["same"]
