"""`voicebox messages list|export`."""

import io
import json
import stat
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest
import soundfile

from ivr.media.spool import Spool
from tests.fakes.installation import Installation
from tests.fakes.sounds import stored
from voicebox.codec import Codec
from voicebox.message import Caller, Message, Reason, State
from voicebox.storage import audio, messages
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TONE = (8000 * np.sin(np.arange(16_000) * 0.3)).astype(np.int16)


def a_message(audio_id: str, mailbox_id: int = 1, received_at: datetime = NOW, state: State = State.NEW) -> Message:
    return Message(
        id=uuid.uuid4().hex,
        company_id=1,
        mailbox_id=mailbox_id,
        audio_id=audio_id,
        caller=Caller("+491701234567", "Kundin [1]"),
        reason=Reason.BUSY,
        received_at=received_at,
        samples=16_000,
        rate_hz=8000,
        urgent=True,
        state=state,
    )


@pytest.fixture
def left(company: Installation) -> tuple[Installation, list[Message]]:
    """Three messages: 1001 has a new one of 9:30 and a saved one of 9:29, 1002 a deleted one."""

    async def leave(db: Database) -> list[Message]:
        store = AudioStore.open((company.folder / "var" / "audio").as_uri())
        made = []
        for mailbox_id, minutes, state in ((1, 0, State.NEW), (1, -1, State.SAVED), (2, 0, State.DELETED)):
            audio_id = await stored(db, store, 1, TONE)
            one = a_message(audio_id, mailbox_id, NOW + timedelta(minutes=minutes), state)
            await db.write(partial(messages.add, made=one, now=NOW))
            made.append(one)
        return made

    return company, company.ask(leave)


def test_list_has_the_shape_of_the_api(left: tuple[Installation, list[Message]]) -> None:
    installation, (new, saved, _) = left
    listed = installation.json("messages", "list", "--mailbox", "0211 555 1001")["messages"]
    assert [each["id"] for each in listed] == [saved.id, new.id]
    assert listed[1] == {
        "id": new.id,
        "mailbox": "1001",
        "caller": {"number": "+491701234567", "name": "Kundin [1]"},
        "received": "2026-11-22T09:30:00Z",
        "duration_s": 2.0,
        "reason": "busy",
        "urgent": True,
        "confidential": False,
        "state": "new",
        "interrupted": False,
        "kind": "deposit",
        "sender": None,
        "claimed_by": None,
        "handled_by": None,
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1, 0]),
        (["--folder", "all"], [1, 0, 2]),
        (["--folder", "new"], [0]),
        (["--folder", "saved"], [1]),
        (["--folder", "deleted"], [2]),
        (["--folder", "all", "--mailbox", "1002"], [2]),
    ],
)
def test_list_takes_folders_and_mailboxes(
    options: list[str], expected: list[int], left: tuple[Installation, list[Message]]
) -> None:
    installation, made = left
    listed = installation.json("messages", "list", *options)["messages"]
    assert [each["id"] for each in listed] == [made[index].id for index in expected]


def test_list_for_people_names_the_caller(left: tuple[Installation, list[Message]]) -> None:
    installation, (new, *_) = left
    shown = installation.run("messages", "list").stdout
    assert "Kundin [1]" in shown
    assert new.id in shown
    assert "urgent" in shown


def test_listing_marks_nothing_as_heard(left: tuple[Installation, list[Message]]) -> None:
    installation, _ = left
    installation.run("messages", "list")
    installation.run("messages", "export", str(installation.folder / "out"))
    assert installation.json("mailbox", "show", "1001")["messages"] == {"new": 1, "saved": 1, "deleted": 0}


@pytest.mark.parametrize(("format_", "exact"), [("wav", True), ("flac", True), ("mp3", False)])
def test_export_writes_files_and_an_index(format_: str, exact: bool, left: tuple[Installation, list[Message]]) -> None:
    installation, (new, saved, _) = left
    out = installation.folder / "out"
    printed = installation.json("messages", "export", str(out), "--format", format_)
    index = json.loads((out / "index.json").read_text())
    assert index["messages"] == printed["messages"]
    assert [each["id"] for each in index["messages"]] == [saved.id, new.id]
    assert index["messages"][1]["file"] == f"1001/20261122T093000Z-{new.id}.{format_}"
    samples, rate_hz = soundfile.read(io.BytesIO((out / index["messages"][1]["file"]).read_bytes()), dtype="int16")
    assert rate_hz == 8000
    if exact:
        assert np.array_equal(samples, TONE)
    else:
        assert abs(len(samples) - len(TONE)) < 4000
        assert np.abs(samples).max() > 4000


def test_nobody_else_can_read_an_export(left: tuple[Installation, list[Message]]) -> None:
    installation, _ = left
    out = installation.folder / "out"
    installation.run("messages", "export", str(out))
    paths = [out, *out.rglob("*")]
    assert len(paths) == 5
    assert not any(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) for path in paths)


def test_exporting_again_adds_what_is_new_only(left: tuple[Installation, list[Message]]) -> None:
    installation, (new, *_) = left
    out = installation.folder / "out"
    assert "2 messages in" in installation.run("messages", "export", str(out)).stdout
    file = out / "1001" / f"20261122T093000Z-{new.id}.wav"
    file.write_bytes(b"as it was")
    assert "3 messages in" in (again := installation.run("messages", "export", str(out), "--folder", "all").stdout)
    assert "1 file written" in again
    assert file.read_bytes() == b"as it was"
    assert len(json.loads((out / "index.json").read_text())["messages"]) == 3


def test_a_message_that_is_still_in_the_spool_is_exported_beside_a_running_service(company: Installation) -> None:
    take_id = uuid.uuid4().hex
    heard = bytes(range(0x80, 0xA0)) * 500  # two seconds of mu-law

    async def record(db: Database) -> Spool:
        spool = Spool.open(company.folder / "var" / "spool", segment_bytes=64 * 1024, floor_bytes=0)
        spool.begin(take_id, b"{}")
        for second in range(2):
            spool.append(take_id, Codec.PCMU, second * 8000, heard[second * 8000 : second * 8000 + 8000], 160)
        spool.end(take_id, 16_000)
        await spool.sync()

        async def work(connection: object) -> None:
            await audio.add(
                connection,  # type: ignore[arg-type]  # the storage's own kind of connection, not ours to name
                audio_id=take_id,
                company_id=1,
                samples=16_000,
                rate_hz=8000,
                now=NOW,
            )
            await messages.add(connection, a_message(take_id), NOW)  # type: ignore[arg-type]  # likewise

        await db.write(work)
        return spool

    spool = company.ask(record)  # stays open, and locked, as in a running service
    try:
        printed = company.json("messages", "export", str(company.folder / "out"))
    finally:
        spool.close()
    samples, rate_hz = soundfile.read(company.folder / "out" / printed["messages"][0]["file"], dtype="int16")
    assert (len(samples), rate_hz) == (16_000, 8000)
    assert np.abs(samples).max() > 10_000


def test_a_message_without_audio_is_named_and_the_others_are_written(
    left: tuple[Installation, list[Message]],
) -> None:
    installation, (new, saved, _) = left
    lost = uuid.uuid4().hex

    async def lose(db: Database) -> None:
        async def work(connection: object) -> None:
            await audio.add(
                connection,  # type: ignore[arg-type]  # as above
                audio_id=lost,
                company_id=1,
                samples=16_000,
                rate_hz=8000,
                now=NOW,
            )
            await messages.add(connection, a_message(lost, 2), NOW)  # type: ignore[arg-type]  # as above

        await db.write(work)

    installation.ask(lose)
    result = installation.run("messages", "export", str(installation.folder / "out"), "--json", expect=1)
    files = {each["id"]: each["file"] for each in json.loads(result.stdout)["messages"]}
    assert files[new.id]
    assert files[saved.id]
    assert list(files.values()).count(None) == 1
    assert "could not be exported" in result.stderr


def test_a_folder_that_cannot_be_written_ends_in_words(left: tuple[Installation, list[Message]]) -> None:
    installation, _ = left
    (installation.folder / "out").write_text("a file")
    result = installation.run("messages", "export", str(installation.folder / "out"), expect=1)
    assert result.stderr.startswith("voicebox: ")


def test_nothing_to_export_is_an_empty_index(company: Installation) -> None:
    assert company.json("messages", "export", str(company.folder / "out"))["messages"] == []
    assert json.loads((company.folder / "out" / "index.json").read_text()) == {"messages": []}


def test_an_unknown_mailbox_is_named(company: Installation) -> None:
    assert "no mailbox '9'" in company.run("messages", "list", "--mailbox", "9", expect=3).stderr
