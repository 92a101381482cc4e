"""`voicebox housekeeping`: what a night does, at once."""

from datetime import UTC, datetime

from sqlalchemy import insert

from tests.fakes.installation import Installation
from voicebox.ids import new_id
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.tables import audio, message


def kept(company: Installation) -> str:
    """Put a saved message into mailbox 1001, and return its id."""
    now, key = datetime.now(UTC), new_id()

    async def fill(db: Database) -> None:
        async def work(connection: AsyncConnection) -> None:
            blob = f"1/{now:%y/%m}/{key}.flac"
            sound = {"id": key, "company_id": 1, "state": "stored", "samples": 1, "rate_hz": 8000, "blob_key": blob}
            await connection.execute(insert(audio).values(sound | {"created_at": now}))
            times = {"received_at": now, "state_changed_at": now}
            facts = {"caller_name": "", "reason": "busy", "samples": 1, "rate_hz": 8000, "state": "saved"}
            row = {"id": key, "company_id": 1, "mailbox_id": 1, "audio_id": key} | facts | times
            await connection.execute(insert(message).values(row))

        await db.write(work)

    company.ask(fill)
    file = company.folder / "var" / "audio" / "1" / f"{now:%y}" / f"{now:%m}" / f"{key}.flac"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"fLaC")
    return key


def test_it_does_what_a_night_does_and_says_how_much(company: Installation) -> None:
    kept(company)
    nothing = {"retired": 0, "purged": 0, "audio": 0, "calls": 0, "outbox": 0, "sendings": 0}
    assert company.json("housekeeping") == nothing
    assert company.json("housekeeping", "--until", "2126-01-01") == nothing | {"retired": 1, "purged": 1, "audio": 1}
    assert company.json("housekeeping") == nothing
    assert list((company.folder / "var" / "audio").rglob("*.flac")) == []


def test_it_tells_people_in_words(company: Installation) -> None:
    kept(company)
    said = company.run("housekeeping", "--until", "2126-01-01T03:00Z").stdout
    assert "1 saved message aged out, 1 deleted message and 1 recording are gone" in said
    assert "0 call records, 0 entries of the queue, 0 sendings" in said


def test_a_time_that_is_none_is_named(company: Installation) -> None:
    for text in ("tomorrow", "0001-01-01", "0001-01-01T00:00+14:00"):
        assert f"'{text}' is not a time" in company.run("housekeeping", "--until", text, expect=2).stderr
