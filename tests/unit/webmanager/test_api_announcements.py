"""Announcements by the API: uploaded within limits, refused in words, heard, deleted with or without their users."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
from structlog.testing import capture_logs

from prompts.loudness import lufs
from tests.containers import contained
from tests.unit.webmanager.asking import opened, recorded
from tests.unit.webmanager.office import Answer, Office
from voicebox.announcement import Kind
from voicebox.greeting_file import FILE_MAX_BYTES
from voicebox.mailbox import Mailbox
from voicebox.storage import mailboxes, outbox
from webmanager import uploads

PATH = "/api/v1/announcements"
UPLOAD = f"POST {PATH}?name=Ferien"
ASKS = "Expect: 100-continue"


async def send(office: Office, token: str | None, data: Any, query: str = "name=Ferien", **headers: str) -> Answer:
    return await office.browser.ask(f"{PATH}?{query}", token, method="POST", sent=data, **headers)


async def delete(office: Office, token: str | None, key: int, query: str = "") -> Answer:
    return await office.browser.ask(f"{PATH}/{key}{query}", token, method="DELETE")


def kept(folder: Path) -> list[Path]:
    return list(folder.rglob("*.flac"))


def fields(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 422, answer.body
    return [(each["field"], each["code"]) for each in answer.json["errors"]]


async def listed(office: Office, token: str) -> list[tuple[str, str | None]]:
    answer = await office.browser.ask(PATH, token)
    return [(each["name"], each["mailbox"]) for each in answer.json["announcements"]]


async def now(office: Office, mailbox: Mailbox) -> Mailbox:
    async with office.db.read() as connection:
        found = await mailboxes.by_id(connection, mailbox.id)
    assert found is not None
    return found


@pytest.mark.parametrize("format_", ["WAV", "FLAC", "MP3", "OGG"])
async def test_row_12_what_is_uploaded_is_listed_and_heard_as_callers_will_hear_it(
    office: Office, format_: str
) -> None:
    token = await office.admin()
    with capture_logs() as log:
        made = await send(office, token, recorded(3, format_=format_), "name=%20Ferien%20B%C3%BCro%20")
        assert made.status == 201, made.body
        assert (made.json["name"], made.json["mailbox"], made.json["created"]) == (
            "Ferien Büro",
            None,
            "2026-11-22T09:30:00Z",
        )
        assert (await office.browser.ask(PATH, token)).json == {"announcements": [made.json]}
        heard = await office.browser.ask(f"{PATH}/{made.json['id']}/audio", await office.owner())
    assert (heard.status, heard.headers["Content-Type"]) == (200, "audio/wav")
    assert f"announcement-{made.json['id']}.wav" in heard.headers["Content-Disposition"]
    samples, rate_hz = soundfile.read(io.BytesIO(heard.body))
    assert len(samples) / rate_hz == pytest.approx(made.json["duration_s"], abs=0.01)
    assert lufs(samples, rate_hz) == pytest.approx(-20, abs=1.5)  # as loud as the prompts
    events = [(each["event"], each["announcement"]) for each in log if "announcement" in each]
    assert events == [("announcement_added", made.json["id"]), ("announcement_played", made.json["id"])]
    mp3 = await office.browser.ask(f"{PATH}/{made.json['id']}/audio?format=mp3", token, Range="bytes=0-99")
    assert (mp3.status, len(mp3.body), mp3.headers["Content-Type"]) == (206, 100, "audio/mpeg")


async def test_row_12_it_is_the_company_s_or_a_mailbox_s_own(office: Office) -> None:
    admin, anna, ben = await office.admin(), await office.owner(), await office.owner(office.ben)
    assert (await send(office, admin, recorded())).json["mailbox"] is None
    assert (await send(office, admin, recorded(), "name=Ferien&mailbox=1002")).json["mailbox"] == "1002"
    # A mailbox's token adds to its own, named or not.
    assert (await send(office, anna, recorded())).json["mailbox"] == "1001"
    assert (await send(office, anna, recorded(), "name=Urlaub&mailbox=1001")).json["mailbox"] == "1001"
    assert await listed(office, anna) == [("Ferien", None), ("Ferien", "1001"), ("Urlaub", "1001")]
    assert await listed(office, ben) == [("Ferien", None), ("Ferien", "1002")]


async def test_row_12_an_upload_is_for_who_may(office: Office) -> None:
    data = recorded()
    for token, query, status, code in (
        (None, "name=a", 401, "token-missing"),
        ("vb_wrong-wrong-wrong", "name=a", 401, "token-refused"),
        (await office.owner(), "name=a&mailbox=1002", 403, "foreign-mailbox"),
        (await office.owner(), "name=a&mailbox=9999", 403, "foreign-mailbox"),
        (await office.admin(), "name=a&mailbox=9999", 404, "unknown-mailbox"),
        (await office.admin(), "name=a&company=Anderswo%20AG", 403, "foreign-company"),
    ):
        answer = await send(office, token, data, query)
        assert (answer.status, answer.json["type"]) == (status, f"urn:voicebox:problem:{code}")
    assert fields(await send(office, await office.operator(), data)) == [("company", "required")]
    for token in (await office.admin(), await office.admin(office.other)):
        assert await listed(office, token) == []


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("", [("name", "required")]),
        ("name=", [("name", "required")]),
        ("name=%20%20", [("name", "required")]),
        ("name=" + "x" * 81, [("name", "too-long")]),
        ("name=a%0Ab", [("name", "unprintable")]),
        ("name=a%00b", [("name", "unprintable")]),
        ("name=a%E2%80%AEb", [("name", "unprintable")]),
        ("name=a&name=b", [("name", "given-twice")]),
        ("name=a&mailbox=x", [("mailbox", "mailbox-number")]),
        ("name=a&file=b", [("file", "unknown-field")]),
    ],
)
async def test_row_12_a_name_that_is_none_is_said(office: Office, query: str, faults: list[tuple[str, str]]) -> None:
    token = await office.admin()
    assert fields(await send(office, token, recorded(), query)) == faults
    assert await listed(office, token) == []


async def test_row_12_a_name_of_80_characters_is_kept(office: Office) -> None:
    made = await send(office, await office.admin(), recorded(), "name=" + "%C3%BC" * 80)
    assert (made.status, made.json["name"]) == (201, "ü" * 80)


@pytest.mark.parametrize(("form", "type_"), [("webm-chromium", "audio/webm"), ("mp4-safari", "audio/mp4")])
async def test_row_12_what_a_browser_recorded_is_kept(
    office: Office, form: str, type_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await office.admin()
    data = contained(np.random.default_rng(1).normal(0, 0.05, 16_000), 8000, form, tmp_path)
    made = await send(office, token, data, Content_Type=type_)
    assert (made.status, made.json["duration_s"]) == (201, pytest.approx(2.3, abs=0.2))
    monkeypatch.setenv("PATH", str(tmp_path))  # where no ffmpeg is
    for language, detail in (
        (
            "de",
            "ist M4A oder WebM, wofür der Server ffmpeg braucht (apt install ffmpeg); sonst WAV, FLAC, MP3 oder Ogg",
        ),
        ("en", "is M4A or WebM, for which the server needs ffmpeg (apt install ffmpeg); or use WAV, FLAC, MP3 or Ogg"),
    ):
        refused = await send(office, token, data, "name=Mehr", Accept_Language=language)
        assert fields(refused) == [("body", "audio-needs-ffmpeg")]
        assert refused.json["errors"][0]["detail"] == detail
    assert await listed(office, token) == [("Ferien", None)]


def keyed() -> bytes:
    """Return a recording with the keypad tone of a 5 in it."""
    at = np.arange(8000 // 4) / 8000
    voice = np.random.default_rng(1).normal(0, 0.05, 8000 * 2)
    voice[8000 : 8000 + len(at)] = 0.2 * (np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1336 * at))
    return written(voice)


def written(samples: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format="WAV")
    return file.getvalue()


REFUSED = [
    (b"", "audio-unreadable"),
    (b"no audio", "audio-unreadable"),
    (b"RIFF\xff\xff\xff\xffWAVEfmt ", "audio-unreadable"),
    (recorded()[:60], "audio-empty"),
    (written(np.zeros(8000)), "audio-empty"),
    (written(np.zeros(10)), "audio-empty"),
    (recorded(181), "audio-too-long"),
    (keyed(), "audio-keypad"),
    (b"\0" * (FILE_MAX_BYTES + 1), "audio-too-large"),
    (b"\0" * FILE_MAX_BYTES, "audio-unreadable"),
]


@pytest.mark.parametrize(("data", "code"), REFUSED, ids=[f"{code}-{len(data)}" for data, code in REFUSED])
async def test_row_12_what_is_no_announcement_is_refused_with_the_cure(
    office: Office, tmp_path: Path, data: bytes, code: str
) -> None:
    token = await office.admin()
    answer = await send(office, token, data)
    assert fields(answer) == [("body", code)]
    assert await listed(office, token) == []
    assert kept(tmp_path) == []


@pytest.mark.parametrize("format_", ["WAV", "FLAC", "MP3", "OGG"])
async def test_security_row_09_no_damaged_file_breaks_it(office: Office, format_: str) -> None:
    token, whole, rng = await office.admin(), recorded(1, format_=format_), np.random.default_rng(9)
    seen = set[int]()
    for at in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400 if at % 2 else len(whole)), 1 + at % 8):
            damaged[place] = rng.integers(256)
        cut = len(damaged) if at % 3 else int(rng.integers(1, len(damaged)))
        answer = await send(office, token, bytes(damaged[:cut]), f"name={at}")
        assert answer.status in {201, 422}, (at, answer.body)
        seen.add(answer.status)
    assert 422 in seen


async def test_row_12_the_cure_is_told_in_the_caller_s_language(office: Office) -> None:
    token = await office.admin()
    german = await send(office, token, keyed(), Accept_Language="de")
    assert german.json["errors"][0]["detail"] == "enthält Tastentöne; bitte neu aufnehmen, ohne Tasten zu drücken"
    english = await send(office, token, keyed(), Accept_Language="en")
    assert english.json["errors"][0]["detail"] == "has keypad tones in it; record it again without pressing keys"
    form = aiohttp.FormData({"name": "Ferien", "file": io.BytesIO(recorded())})
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{office.browser.address}{PATH}?name=Ferien",
            data=form,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
        ) as answer,
    ):
        assert (await answer.json(content_type=None))["errors"] == [
            {
                "field": "body",
                "code": "no-form",
                "detail": "must be the file itself, not a form (curl: --data-binary @FILE)",
            }
        ]


async def upload(office: Office, token: str, data: AsyncIterator[bytes]) -> int:
    """Upload something of unknown length; return the status, which must come in time."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(20),
        aiohttp.ClientSession() as session,
        session.post(f"{office.browser.address}{PATH}?name=Ferien", data=data, headers=headers) as answer,
    ):
        return answer.status


async def test_row_12_more_than_10_mb_is_refused_before_its_end(office: Office) -> None:
    async def large() -> AsyncIterator[bytes]:
        for _ in range(FILE_MAX_BYTES // 65536 + 1):
            yield b"\0" * 65536
        await asyncio.Event().wait()

    token = await office.admin()
    assert await upload(office, token, large()) == 422
    assert await listed(office, token) == []


async def begun(office: Office, token: str, body: bytes, *headers: str) -> tuple[asyncio.StreamReader, Any]:
    """Begin an upload byte for byte, once it is asked for; return the connection."""
    reader, writer = await opened(office, UPLOAD, *headers, ASKS, token=token)
    async with asyncio.timeout(20):
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        await writer.drain()
    return reader, writer


async def test_row_12_an_upload_that_breaks_off_is_not_kept(office: Office) -> None:
    token = await office.admin()
    with capture_logs() as log:
        _, writer = await begun(office, token, recorded()[:5000], "Content-Length: 16044")
        writer.close()
        await writer.wait_closed()
        assert (await send(office, token, recorded(), "name=Urlaub")).status == 201  # the other has ended by now
    assert await listed(office, token) == [("Urlaub", None)]
    assert [each for each in log if each["log_level"] == "error"] == []


@pytest.mark.parametrize(
    ("body", "header", "status"),
    [
        (b"5\r\nhello\r\nxyz\r\n", "Transfer-Encoding: chunked", b"408"),  # of which aiohttp does not tell us
        (b"no gzip at all, and no audio", "Content-Encoding: gzip\r\nContent-Length: 28", b"400"),
    ],
)
async def test_row_12_an_upload_that_cannot_be_read_ends(
    office: Office, monkeypatch: pytest.MonkeyPatch, body: bytes, header: str, status: bytes
) -> None:
    if status == b"408":
        monkeypatch.setattr(uploads, "RECEIVE_MAX_S", 1.0)
    token = await office.admin()
    with capture_logs() as log:
        reader, writer = await begun(office, token, body, header)
        async with asyncio.timeout(20):
            assert (await reader.readline()).split()[1] == status
        writer.close()
        assert await listed(office, token) == []
    assert [each for each in log if each["log_level"] == "error"] == []


async def test_row_12_an_upload_that_stands_still_ends(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "RECEIVE_MAX_S", 0.05)
    token = await office.admin()

    async def stands() -> AsyncIterator[bytes]:
        yield recorded()[:1000]
        await asyncio.Event().wait()

    assert await upload(office, token, stands()) == 408
    assert await listed(office, token) == []


async def refused_unread(office: Office, token: str, *headers: str, version: str = "1.1") -> bytes:
    """Ask to send a file; return the status that comes instead of being asked for it, and ends the connection."""
    reader, writer = await opened(office, UPLOAD, *headers, token=token, version=version)
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.read()  # to the end
        writer.close()
        await writer.wait_closed()
    assert b"\r\nConnection: close\r\n" in head or version == "1.0"
    assert b"\r\nContent-Type: application/problem+json" in head
    return head.split()[1]


async def test_row_12_nobody_is_asked_for_a_file_that_would_be_refused(office: Office) -> None:
    anna, size = await office.owner(), f"Content-Length: {FILE_MAX_BYTES + 1}"
    assert await refused_unread(office, "vb_guessed", "Content-Length: 16044", ASKS) == b"401"
    assert await refused_unread(office, anna, size, "Expect: 100-Continue") == b"422"
    assert await refused_unread(office, anna, "Content-Length: 16044", "Expect: tea") == b"417"
    assert await refused_unread(office, "vb_guessed", "Content-Length: 9", ASKS, version="1.0") == b"401"
    opened = [await begun(office, anna, b"x", "Content-Length: 16044") for _ in range(uploads.EACH_MAX)]
    assert await refused_unread(office, anna, "Content-Length: 16044", ASKS) == b"429"
    await finished(*opened)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_row_12_who_does_not_wait_to_be_asked_is_served(office: Office, version: str) -> None:
    size = f"Content-Length: {len(recorded())}"
    reader, writer = await opened(office, UPLOAD, size, ASKS, token=await office.owner(), version=version)
    async with asyncio.timeout(20):
        writer.write(recorded())
        if version == "1.1":  # HTTP/1.0 knows no such thing (RFC 9110 section 10.1.1)
            assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"201"
        writer.close()
        await writer.wait_closed()


async def finished(*opened: tuple[asyncio.StreamReader, Any]) -> None:
    for _, writer in opened:
        writer.close()
        await writer.wait_closed()


async def test_row_12_who_sends_slowly_keeps_nobody_else_waiting(office: Office) -> None:
    slow, other = await office.owner(), await office.owner(office.ben)
    opened = [await begun(office, slow, recorded()[:100], "Content-Length: 16044") for _ in range(uploads.EACH_MAX)]
    refused = await send(office, slow, recorded(), Accept_Language="en")
    assert (refused.status, refused.json["type"]) == (429, "urn:voicebox:problem:too-many-uploads")
    assert refused.headers["Retry-After"] == "10"
    assert refused.json["detail"] == "Too many files are being sent at once. Try again in 10 s."
    async with asyncio.timeout(30):
        assert (await send(office, other, recorded())).status == 201
    # What has been sent to its end makes room again.
    for reader, writer in opened:
        writer.write(recorded()[100:])
        async with asyncio.timeout(30):
            assert (await reader.readline()).split()[1] in {b"201", b"409", b"422"}
    await finished(*opened)
    assert (await send(office, slow, recorded(), "name=Urlaub")).status == 201


async def test_row_12_all_together_hold_so_many_files_and_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "ALL_MAX", 1)
    opened = await begun(office, await office.owner(), b"x", "Content-Length: 16044")
    refused = await send(office, await office.owner(office.ben), recorded())
    assert (refused.status, refused.json["type"]) == (503, "urn:voicebox:problem:too-many-uploads")
    assert refused.headers["Retry-After"] == "10"
    await finished(opened)


async def test_row_12_one_file_at_a_time_is_worked_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    running, together = [0], asyncio.Event()
    add = office.parts.announcements.add

    async def watched(*args: Any) -> Any:
        running[0] += 1
        if running[0] > 1:
            together.set()
        try:
            async with asyncio.timeout(0.3):
                await together.wait()
        except TimeoutError:
            return await add(*args)
        finally:
            running[0] -= 1
        raise AssertionError("two at once")

    monkeypatch.setattr(office.parts.announcements, "add", watched)
    token, other = await office.admin(), await office.owner()
    made = await asyncio.gather(
        send(office, token, recorded(), "name=a"),
        send(office, token, recorded(), "name=b"),
        send(office, other, recorded(), "name=c"),
    )
    assert [each.status for each in made] == [201] * 3
    assert not together.is_set()


async def test_row_12_no_more_announcements_than_anybody_can_tell_apart(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.announcements.MAILBOX_MAX", 1)
    monkeypatch.setattr("voicebox.announcements.COMPANY_MAX", 2)
    admin, anna = await office.admin(), await office.owner()
    key = (await send(office, anna, recorded(), "name=a")).json["id"]
    refused = await send(office, anna, b"no audio", "name=b", Accept_Language="en")
    assert (refused.status, refused.json["type"]) == (409, "urn:voicebox:problem:too-many-announcements")
    assert refused.json["detail"] == "There may be no more than 1. Delete one first."
    for name, status in (("a", 201), ("b", 201), ("c", 409)):
        assert (await send(office, admin, recorded(), f"name={name}")).status == status
    assert (await send(office, await office.admin(office.other), recorded())).status == 201
    assert (await delete(office, anna, key)).status == 204
    assert (await send(office, anna, recorded(), "name=b")).status == 201


async def test_security_row_24_an_almost_full_disk_is_left_to_messages(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.storage.blobs.FLOOR_BYTES", 1 << 62)
    refused = await send(office, await office.admin(), recorded())
    assert (refused.status, refused.json["type"]) == (503, "urn:voicebox:problem:unavailable")
    assert "Retry-After" in refused.headers


async def test_every_status_of_an_upload_is_in_the_openapi_page(office: Office) -> None:
    page = (await office.browser.ask("/api/openapi.json")).json
    listed = page["paths"][PATH]["post"]["responses"]
    assert set(listed) == {"201", "400", "401", "403", "404", "408", "409", "422", "429", "503"}


async def test_row_12_a_taken_name_is_409(office: Office) -> None:
    token = await office.admin()
    assert (await send(office, token, recorded())).status == 201
    again = await send(office, token, recorded(), Accept_Language="en")
    assert (again.status, again.json["type"]) == (409, "urn:voicebox:problem:name-taken")
    assert again.json["detail"] == ("There is an announcement “Ferien” already. Take another name, or delete that one.")
    assert (await send(office, token, recorded(), "name=Ferien&mailbox=1001")).status == 201
    assert (await send(office, await office.admin(office.other), recorded())).status == 201


async def test_row_12_one_in_use_stays_and_names_its_users(office: Office) -> None:
    token = await office.admin()
    key = (await send(office, token, recorded())).json["id"]
    for mailbox, kind in ((office.ben, Kind.NO_ANSWER), (office.anna, Kind.BUSY)):
        assert await office.parts.announcements.choose(mailbox, kind, key)
    playing = (await now(office, office.anna)).busy_greeting
    assert playing is not None
    refused = await delete(office, token, key)
    assert (refused.status, refused.json["type"]) == (409, "urn:voicebox:problem:announcement-in-use")
    assert refused.json["users"] == [{"mailbox": "1001", "kind": "busy"}, {"mailbox": "1002", "kind": "no-answer"}]
    assert "1001 (busy), 1002 (no-answer)" in refused.json["detail"]
    assert (await delete(office, token, key, "?replace_by_default=false")).status == 409
    assert (await now(office, office.anna)).busy_greeting == playing


async def test_row_12_replaced_by_default_its_users_are_told_and_it_is_gone(office: Office) -> None:
    token = await office.admin()
    key = (await send(office, token, recorded())).json["id"]
    assert await office.parts.announcements.choose(office.anna, Kind.BUSY, key)
    with capture_logs() as log:
        gone = await delete(office, token, key, "?replace_by_default=true")
    assert (gone.status, gone.body) == (204, b"")
    assert (await now(office, office.anna)).busy_greeting is None
    async with office.db.read() as connection:
        mails = [row.payload["change"] for row in await outbox.page(connection, unfinished=False)]
    assert mails == ["busy-default", "busy-chosen"]
    assert [each["replaced"] for each in log if each["event"] == "announcement_removed"] == [["1001"]]
    assert (await delete(office, token, key)).status == 404
    assert (await office.browser.ask(f"{PATH}/{key}/audio", token)).status == 404
    answer = await delete(office, token, key, "?replace_by_default=perhaps")
    assert fields(answer) == [("replace_by_default", "one-of")]


async def test_row_12_a_mailbox_token_hears_the_company_s_and_changes_its_own_only(office: Office) -> None:
    shared, bens = await office.announcement(), await office.announcement(office.ben)
    own = await office.announcement(office.anna)
    foreign = await office.announcement(company=office.other)
    token = await office.owner()
    for key, heard, gone, code in (
        (shared, 200, 403, "token-too-narrow"),
        (bens, 403, 403, "foreign-announcement"),
        (foreign, 403, 403, "foreign-announcement"),
        (4711, 404, 404, "unknown-announcement"),
    ):
        assert (await office.browser.ask(f"{PATH}/{key}/audio", token)).status == heard
        answer = await delete(office, token, key, "?replace_by_default=true")
        assert (answer.status, answer.json["type"]) == (gone, f"urn:voicebox:problem:{code}")
    assert (await office.browser.ask(f"{PATH}/{own}/audio", token)).status == 200
    assert (await delete(office, token, own)).status == 204
    # An administrator: all of the company's, none of another's.
    admin = await office.admin()
    assert (await delete(office, admin, foreign)).status == 403
    for key in (shared, bens):
        assert (await delete(office, admin, key)).status == 204
    assert (await delete(office, await office.operator(), foreign)).status == 204


@pytest.mark.parametrize("key", ["x", "-1", "1.0", "%00", "٣", "9" * 15, "9" * 16, "9" * 400, "0x1"])
async def test_what_is_no_id_of_an_announcement_is_404(office: Office, key: str) -> None:
    token = await office.admin()
    for path, method in ((f"{PATH}/{key}", "DELETE"), (f"{PATH}/{key}/audio", "GET")):
        answer = await office.browser.ask(path, token, method=method)
        assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:unknown-announcement")


async def test_an_announcement_whose_sound_is_lost_is_404(office: Office, tmp_path: Path) -> None:
    key = await office.announcement()
    for file in kept(tmp_path):
        file.unlink()
    answer = await office.browser.ask(f"{PATH}/{key}/audio", await office.admin())
    assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:no-audio")
