"""Row 21: a full mailbox is said to callers and owner; old messages go by themselves, and their sound with them."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller
from tests.system.conftest import MakeService
from tests.system.service import Service, directory_of, eventually
from tests.system.subscriber import at_own_phone
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def change(service: Service, statement: str, *values: object) -> None:
    """Turn the database's time, or a mailbox's size, as no administrator could."""
    with contextlib.closing(sqlite3.connect(service.folder / "var" / "voicebox.db", timeout=10)) as connection:
        connection.execute(statement, values)
        connection.commit()


def prompts(service: Service, called: str, *, count: int) -> list[str]:
    """Return what was said in the newest call to a number."""
    trace = service.call(called, count=count)["trace"]
    return [entry["id"] for entry in trace if entry["event"] == "prompt"]


def log_in(service: Service, folder: Path) -> None:
    """Log in and hear what the mailbox holds."""
    at_own_phone(service, folder, "1001").pause(10).keys("9").hung_up_on().run()


def test_row_21_almost_full_and_full_are_said_to_the_owner_and_full_to_callers(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(directory=directory_of(("1001",))).start()
    said, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    Caller(service.udp, tmp_path, number="1001").invite().speak(said).keys("#").pause(SAID_S).bye().run()
    service.message("1001")
    change(service, "UPDATE message SET samples = 8000 * 5401")
    log_in(service, tmp_path)
    assert "folder-almost-full" in prompts(service, "8000", count=1)
    change(service, "UPDATE message SET samples = 8000 * 5999")
    log_in(service, tmp_path)
    assert "folder-full" in prompts(service, "8000", count=2)
    Caller(service.udp, tmp_path, number="1001").invite().hung_up_on().run()
    assert prompts(service, "1001", count=2) == ["full-mailbox"], "and no greeting, no tone"
    assert len(service.messages("1001")) == 1


def test_row_21_saved_ones_age_out_and_deleted_ones_go_with_their_sound(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(directory=directory_of(("1001", "1002"))).start()
    said, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    for number in ("1001", "1001", "1002"):
        Caller(service.udp, tmp_path, number=number).invite().speak(said).keys("#").pause(SAID_S).bye().run()
    service.message("1001", count=2)
    saved, deleted = [str(row["id"]) for row in service.messages("1001")]
    new = str(service.message("1002")["id"])
    files = {each: service.flac(each) for each in (saved, deleted, new)}
    for message_id, state, days in ((saved, "saved", 32), (deleted, "deleted", 16), (new, "new", 400)):
        ago = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f")
        moved = "UPDATE message SET state = ?, state_changed_at = ?, received_at = ? WHERE id = ?"
        change(service, moved, state, ago, ago, message_id)
        change(service, "UPDATE audio SET created_at = ? WHERE id = ?", ago, message_id)
    assert service.stop() == 0
    service.start()  # last night was missed: it is made up for at once
    eventually(lambda: not service.rows("SELECT 1 FROM audio WHERE id = ?", deleted) or None, "the night's work")
    eventually(lambda: not files[deleted].exists() or None, "the sound's removal")
    states = {row["id"]: row["state"] for number in ("1001", "1002") for row in service.messages(number)}
    assert states == {saved: "deleted", new: "new"}
    assert files[saved].exists()
    assert files[new].exists()
    # What aged out can be restored by phone.
    at_own_phone(service, tmp_path, "1001").keys("19").pause(1).keys("7").pause(3).bye().run()
    eventually(lambda: [row["state"] for row in service.messages("1001")] == ["saved"], "the restored message")
    # The command does the same as the night, and finds nothing left to do.
    done = service.voicebox("housekeeping")
    assert "0 saved messages aged out, 0 deleted messages and 0 recordings are gone" in done.stdout
    assert service.stop() == 0
