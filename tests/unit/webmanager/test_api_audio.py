"""A message's audio by the API: the bytes, pieces of them, and the log line of every playback."""

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from structlog.testing import capture_logs

from tests.unit.webmanager.office import Office, tone
from voicebox.errors import StoreUnavailable


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
async def test_wav_is_the_recording_sample_for_sample_at_its_own_rate(office: Office, rate_hz: int) -> None:
    sound = tone(2.0, rate_hz)
    message = await office.message(samples=sound, rate_hz=rate_hz)
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio?format=wav", await office.admin())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/wav")
    with soundfile.SoundFile(io.BytesIO(answer.body)) as file:
        assert (file.format, file.subtype, file.channels, file.samplerate) == ("WAV", "PCM_16", 1, rate_hz)
    heard, _ = soundfile.read(io.BytesIO(answer.body), dtype="int16")
    assert np.array_equal(heard, sound)


async def test_mp3_is_an_mp3_of_the_same_length(office: Office) -> None:
    message = await office.message(samples=tone(3.0))
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio?format=mp3", await office.owner())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/mpeg")
    heard, rate_hz = soundfile.read(io.BytesIO(answer.body), dtype="int16")
    assert rate_hz == 8000
    assert abs(len(heard) / rate_hz - 3.0) < 0.2
    assert len(answer.body) < 3 * 8000


async def test_without_a_format_it_is_wav(office: Office) -> None:
    message = await office.message()
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", await office.admin())
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="20261122-093000Z-+491701234567.wav"'


@pytest.mark.parametrize("format_", ["wav", "mp3"])
async def test_the_pieces_are_the_whole(office: Office, format_: str) -> None:
    message = await office.message(samples=tone(2.0))
    token, path = await office.admin(), f"/api/v1/messages/{message.id}/audio?format={format_}"
    whole = (await office.browser.ask(path, token)).body
    pieces = b""
    for start in range(0, len(whole), 5000):
        answer = await office.browser.ask(path, token, Range=f"bytes={start}-{start + 4999}")
        last = min(start + 4999, len(whole) - 1)
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{last}/{len(whole)}"
        assert int(answer.headers["Content-Length"]) == last - start + 1
        pieces += answer.body
    assert pieces == whole
    tail = await office.browser.ask(path, token, Range="bytes=-100")
    assert (tail.status, tail.body) == (206, whole[-100:])
    rest = await office.browser.ask(path, token, Range="bytes=100-")
    assert (rest.status, rest.body) == (206, whole[100:])


async def test_a_range_behind_the_end_is_416_with_the_size(office: Office) -> None:
    message = await office.message()
    token, path = await office.admin(), f"/api/v1/messages/{message.id}/audio"
    size = len((await office.browser.ask(path, token)).body)
    answer = await office.browser.ask(path, token, Range=f"bytes={size}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert answer.json["type"] == "urn:voicebox:problem:range-not-satisfiable"


@pytest.mark.parametrize("header", ["bytes=5-4", "bytes=0-1,3-4", "frames=0-1", "nonsense", "bytes="])
async def test_a_range_that_cannot_be_read_gives_the_whole(office: Office, header: str) -> None:
    message = await office.message()
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", await office.admin(), Range=header)
    assert answer.status == 200
    assert len(answer.body) == 44 + 2 * message.samples


async def test_what_the_caller_has_is_not_sent_again(office: Office) -> None:
    message = await office.message()
    token, path = await office.admin(), f"/api/v1/messages/{message.id}/audio"
    etag = (await office.browser.ask(path, token)).headers["ETag"]
    again = await office.browser.ask(path, token, If_None_Match=etag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    other = await office.browser.ask(f"{path}?format=mp3", token, If_None_Match=etag)
    assert other.status == 200


async def test_a_range_of_another_version_gives_the_whole(office: Office) -> None:
    message = await office.message()
    token, path = await office.admin(), f"/api/v1/messages/{message.id}/audio"
    etag = (await office.browser.ask(path, token)).headers["ETag"]
    same = await office.browser.ask(path, token, Range="bytes=0-9", If_Range=etag)
    stale = await office.browser.ask(path, token, Range="bytes=0-9", If_Range='"another"')
    assert (same.status, stale.status) == (206, 200)


async def test_head_tells_length_and_type_without_sending(office: Office) -> None:
    message = await office.message()
    token, path = await office.admin(), f"/api/v1/messages/{message.id}/audio"
    answer = await office.browser.ask(path, token, method="HEAD", Range="bytes=0-9")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == 44 + 2 * message.samples
    assert answer.headers["Content-Type"] == "audio/wav"


async def test_what_cannot_be_played_is_404_and_says_so(office: Office) -> None:
    message = await office.lost(broken=True)
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", await office.admin())
    assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:no-audio")
    shown = await office.browser.ask(f"/api/v1/messages/{message.id}", await office.admin())
    assert shown.status == 200


async def test_what_another_nodes_spool_still_holds_is_503_with_retry_after(office: Office) -> None:
    message = await office.lost()
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", await office.admin())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json["type"] == "urn:voicebox:problem:unavailable"


async def test_a_store_that_is_away_is_503_with_retry_after(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await office.message()

    async def away(_: Any, key: str) -> bytes:
        raise StoreUnavailable(key)

    monkeypatch.setattr(type(office.store), "get", away)
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", await office.admin())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json["type"] == "urn:voicebox:problem:unavailable"


async def test_a_confidential_message_plays_for_its_owner_and_the_administrator(office: Office) -> None:
    message = await office.message(confidential=True)
    for token in (await office.owner(), await office.admin(), await office.operator()):
        answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", token)
        assert answer.status == 200
    for token in (await office.owner(office.ben), await office.owner(office.foreign), await office.admin(office.other)):
        answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio", token)
        assert answer.status == 403


async def test_every_playback_is_logged_with_who_and_what_and_no_token(office: Office) -> None:
    message = await office.message()
    token, path = await office.owner(), f"/api/v1/messages/{message.id}/audio"
    with capture_logs() as log:
        await office.browser.ask(path, token)
        await office.browser.ask(path, token, Range="bytes=1000-")
        etag = (await office.browser.ask(path, token, method="HEAD")).headers["ETag"]
        await office.browser.ask(path, token, If_None_Match=etag)
        await office.browser.ask(path, await office.owner(office.ben))
    played = [each for each in log if each["event"] == "message_played"]
    assert [each["from_byte"] for each in played] == [0, 1000]
    assert all(each["message"] == message.id and each["mailbox"] == "1001" for each in played)
    assert all(each["by"].startswith("mailbox #") and each["ip"] == "127.0.0.1" for each in played)
    assert token not in str(log)


async def test_an_unknown_format_is_422(office: Office) -> None:
    message = await office.message()
    answer = await office.browser.ask(f"/api/v1/messages/{message.id}/audio?format=ogg", await office.admin())
    assert answer.status == 422
    assert answer.json["errors"] == [{"field": "format", "code": "one-of", "detail": "must be one of: wav, mp3"}]
