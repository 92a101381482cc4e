"""docs/api.md is true: its examples are run, and what they answer has the shape that is printed there."""

import asyncio
import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.fakes.rows import NOW
from tests.unit.webmanager.asking import recorded
from tests.unit.webmanager.office import Office
from voicebox.distribution import Audience, Dispatch, Distribution
from voicebox.message import MessageKind
from voicebox.storage import lists, mailboxes
from webmanager.api.routes import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.+?)```\n(?:\n```json\n(.+?)```\n)?", PAGE, re.DOTALL)


def shape(value: Any) -> Any:
    """What must be equal: names and kinds, not the values; of a list, its first item."""
    match value:
        case dict():
            return {name: shape(item) for name, item in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case bool() | None:
            return value if value is None else "boolean"
        case int() | float():
            return "number"
        case _:
            return "text"


async def run(script: str, office: Office, folder: Path) -> str:
    """Run an example as a shell would, in a folder of its own."""
    call = await office.call()
    for n in range(3):
        await office.call(ended_s=-n - 1)
    message = await office.message(call_id=call.id)
    await office.db.write(lambda connection: mailboxes.add_alias(connection, office.anna, "+491701234567", NOW))
    await office.greeting()
    announcement = await office.announcement(office.anna)
    if "ferien.wav" in script:
        (folder / "ferien.wav").write_bytes(recorded())
    await office.db.write(
        lambda connection: lists.add(
            connection, office.anna, number=1, description="Support-Team", shared=False, members=[office.ben.id]
        )
    )
    sent = await Distribution(office.db, office.parts.events, office.clock).send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(people=(office.ben,)), None, message)
    )
    given = {
        "URL": office.browser.address,
        "TOKEN": await office.admin(),
        "MESSAGE": message.id,
        "CALL": call.id,
        "ANNOUNCEMENT": str(announcement),
        "SENDING": sent.id,
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", script), cwd=folder, env=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return out.decode()


@pytest.mark.parametrize(("script", "printed"), [each for each in EXAMPLES if each[1]], ids=lambda text: text[-40:])
async def test_an_example_answers_what_is_printed(office: Office, tmp_path: Path, script: str, printed: str) -> None:
    answer = json.loads(await run(script, office, tmp_path))
    expected = json.loads(printed)
    assert shape(answer) == shape(expected)
    assert list(answer) == list(expected)
    if "status" in expected:
        assert answer == expected


@pytest.mark.parametrize("name", ["message.mp3", "announcement.mp3"])
async def test_the_examples_that_save_files_save_audio(office: Office, tmp_path: Path, name: str) -> None:
    scripts = [script for script, printed in EXAMPLES if not printed and "audio" in script]
    assert len(scripts) == 4
    folder = tmp_path / "downloads"
    folder.mkdir()
    await run(next(script for script in scripts if name in script), office, folder)
    assert soundfile.info(folder / name).format == "MP3"


async def test_an_announcement_is_deleted_without_a_word(office: Office, tmp_path: Path) -> None:
    (script,) = [script for script, printed in EXAMPLES if not printed and "DELETE" in script]
    assert await run(script, office, tmp_path) == ""
    listed = await office.browser.ask("/api/v1/announcements", await office.admin())
    assert [each["name"] for each in listed.json["announcements"]] == ["Besetzt"]


async def test_the_header_of_a_wav_is_fetched_as_a_range(office: Office, tmp_path: Path) -> None:
    script = next(script for script, _ in EXAMPLES if "header.wav" in script)
    folder = tmp_path / "downloads"
    folder.mkdir()
    await run(script, office, folder)
    header = (folder / "header.wav").read_bytes()
    assert (len(header), header[:4], header[8:12]) == (44, b"RIFF", b"WAVE")


async def test_all_new_messages_are_saved_under_their_names(office: Office, tmp_path: Path) -> None:
    script = next(script for script, _ in EXAMPLES if script.startswith("for id in"))
    await office.message(received_at=NOW + timedelta(minutes=1))
    folder = tmp_path / "downloads"
    folder.mkdir()
    await run(script, office, folder)
    assert sorted(each.name for each in folder.iterdir()) == [
        "20261122-093000Z-+491701234567.mp3",
        "20261122-093100Z-+491701234567.mp3",
    ]


async def test_the_loop_over_pages_lists_every_call_once(office: Office, tmp_path: Path) -> None:
    script = next(script for script, _ in EXAMPLES if "while :" in script)
    printed = (await run(script, office, tmp_path)).split()
    listed = await office.browser.ask("/api/v1/calls", await office.admin())
    assert printed == [each["id"] for each in listed.json["calls"]]
    assert len(printed) == 4


def test_every_path_is_documented() -> None:
    for route in ROUTES:
        path = re.escape(route.path).replace(r"\{number\}", "1001").replace(r"\{id\}", r"\$(?:MESSAGE|CALL|SENDING|id)")
        path = path.replace(r"\{announcement\}", r"\$ANNOUNCEMENT")
        asked = rf"-X {route.method}\b.*" if route.method == "DELETE" else ""
        assert re.search(rf"{asked}{path}[\"?`)\] ]", PAGE), f"{route.method} {route.path}"
