"""The pages behind links in mails: looking changes nothing, wrong links tell nothing, nothing else is loaded."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from structlog.testing import capture_logs

from mail.invitation import Invitation
from mail.outgoing import Outgoing
from tests.unit.webmanager.office import Office
from voicebox.confirmation import AddressOf, Asked, Confirmations
from voicebox.errors import DatabaseUnavailable
from voicebox.inbox import Inbox
from voicebox.links import LISTEN_FOR, Links
from voicebox.message import State
from voicebox.pinhash import load_key
from voicebox.storage import mailboxes


@pytest.fixture
def links(office: Office) -> Links:
    return Links(load_key(office.parts.config.data_dir), office.browser.address)


@pytest.fixture
async def reader() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def invited(office: Office, links: Links) -> tuple[str, Confirmations]:
    """Name an address as Anna does; return the link in its mail."""
    parts = office.parts
    confirmations = Confirmations(parts.db, parts.events, parts.clock, links)
    asked = await confirmations.set_addresses(office.anna, {AddressOf.NOTIFY: "b@example.org"})
    assert asked == {AddressOf.NOTIFY: Asked.SENT}
    outgoing = Outgoing(parts.db, parts.events, parts.clock, links=links)
    (entry,) = await outgoing.claim(1)
    letter = await outgoing.letter(entry)
    assert isinstance(letter, Invitation)
    return letter.url, confirmations


async def test_the_link_asks_and_the_button_confirms(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    url, confirmations = await invited(office, links)
    for method in ("GET", "HEAD", "GET"):
        async with reader.request(method, url) as response:
            page = await response.text()
            assert response.status == 200
    assert "b@example.org" in page
    assert '<form method="post">' in page
    assert '<html lang="de">' in page, "the mailbox's language"
    assert len(await confirmations.pending(office.anna)) == 1, "looking changes nothing"
    for _ in range(2):
        with capture_logs() as log:
            async with reader.post(url) as response:
                page = await response.text()
        assert response.status == 200
        assert "bestätigt" in page
        assert "<form" not in page
        assert url.rpartition("/")[2] not in repr(log)
    assert await confirmations.pending(office.anna) == []


async def test_a_wrong_link_is_404_in_the_readers_language_and_soon_too_often(
    office: Office, reader: aiohttp.ClientSession
) -> None:
    for language, said in (("de", "gilt nicht mehr"), ("en", "not valid any more")):
        async with reader.get(
            f"{office.browser.address}/confirm/guess", headers={"Accept-Language": language}
        ) as response:
            assert response.status == 404
            assert said in await response.text()
    statuses = []
    for n in range(12):
        path = (f"/confirm/{n}", f"/listen/{n}/1/x", f"/listen/{n}/1/x/sound.mp3")[n % 3]
        async with reader.request("POST" if n % 3 == 0 else "GET", office.browser.address + path) as response:
            statuses.append(response.status)
    assert statuses[0] == 404
    assert statuses[-1] == 429
    assert response.headers["Retry-After"].isdigit()


async def test_a_link_to_a_confidential_message_plays_it_and_each_time_is_logged(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    message = await office.message(confidential=True)
    url = links.listen_url(message.id, office.clock.now())
    assert url is not None
    async with reader.get(url, headers={"Accept-Language": "de"}) as response:
        page = await response.text()
    assert "vertraulich" in page
    (source,) = re.findall(r'src="([^"]+)"', page)
    # From where the page is, so that it is found behind a proxy that takes a folder off the path.
    assert not source.startswith("/")
    sound_url = urljoin(url, source)
    assert sound_url == f"{url}/sound.mp3"
    with capture_logs() as log:
        async with reader.get(sound_url) as response:
            sound = await response.read()
        async with reader.get(sound_url, headers={"Range": "bytes=0-9"}) as response:
            assert (response.status, await response.read()) == (206, sound[:10])
    assert response.content_type == "audio/mpeg"
    assert len([each for each in log if each["event"] == "message_played" and each["message"] == message.id]) == 2
    assert url.rpartition("/")[2] not in repr(log)
    inbox = Inbox(office.db, office.parts.events, office.clock, office.anna)
    found = await inbox.get(message.id)
    assert found is not None
    assert found.state is State.NEW
    office.clock.advance(LISTEN_FOR.total_seconds())
    async with reader.get(sound_url) as response:
        assert response.status == 404


async def test_a_deleted_message_cannot_be_heard_by_its_link(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    message = await office.message(confidential=True)
    url = links.listen_url(message.id, office.clock.now())
    await Inbox(office.db, office.parts.events, office.clock, office.anna).delete(message.id)
    for path in (f"{url}", f"{url}/sound.mp3"):
        async with reader.get(path) as response:
            assert response.status == 404


async def test_pages_load_and_send_nothing_elsewhere(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    url, _ = await invited(office, links)
    async with reader.get(url) as response:
        page, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert not re.search(r"<script|<link|<img|https?://|url\(", page)
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_name_with_markup_is_shown_as_it_is(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    name = "<script>alert(1)</script>"
    await office.db.write(
        lambda connection: mailboxes.change_mailbox(connection, office.anna, {"name": name}, office.clock.now())
    )
    url, _ = await invited(office, links)
    async with reader.get(url) as response:
        page = await response.text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_a_database_that_is_away_is_said_in_words(
    office: Office, reader: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> Any:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(type(office.db), "read", away)
    with capture_logs() as log:
        async with reader.get(f"{office.browser.address}/confirm/secret-token") as response:
            assert response.status == 503
            assert "some minutes" in await response.text()
    assert "secret-token" not in repr(log)


async def test_a_message_whose_sound_is_still_with_another_node_can_be_heard_later(
    office: Office, links: Links, reader: aiohttp.ClientSession
) -> None:
    message = await office.lost()
    async with reader.get(f"{links.listen_url(message.id, office.clock.now())}/sound.mp3") as response:
        assert response.status == 503
        assert "some minutes" in await response.text()


async def test_a_fault_of_ours_logs_no_secret(
    office: Office, reader: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(Confirmations, "look", breaks)
    with capture_logs() as log:
        async with reader.get(f"{office.browser.address}/confirm/secret-token") as response:
            assert response.status == 500
    (entry,) = [each for each in log if each["event"] == "http_failed"]
    assert entry["path"] == "/confirm/{token}"
