"""Whatever is asked, the answer is one of ours: never 500, never a stack trace, always a problem in JSON."""

import json
import string
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.unit.webmanager.office import Office
from webmanager.api.routes import ROUTES
from webmanager.server import served

PATHS = sorted({route.path for route in ROUTES})
NASTY = [
    *("", "0", "-1", "1001", "'", '"', "%", "\x00", "\r\n", "../", "..%2f", "/", "\\", "💥", "ä", "\ud7ff", "A" * 300),
    *("1001'--", "1 OR 1=1", "{number}", "${jndi:ldap://x}", "<script>", "\u202e", "٠", "NaN", "Infinity", "1e999"),
    *("[]", "null", "true", "new", "wav", "0" * 32, "f" * 32, "bTo1", "YjoxMDAx", "=", "&", "#", "?", ";", "+", " "),
]
values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
names = st.one_of(
    st.sampled_from(
        ["limit", "cursor", "folder", "company", "mailbox", "format", "name", "x", "", "limit[]", "__proto__"]
    ),
    st.text(max_size=12),
)
queries = st.lists(st.tuples(names, values), max_size=5)
header_text = st.text(st.sampled_from(string.printable.strip() + " "), max_size=60)


async def ask(session: aiohttp.ClientSession, url: str, method: str, headers: dict[str, str]) -> None:
    async with session.request(method, URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
        body = await response.read()
        assert response.status < 500, (url, headers, body)
        assert response.status in {200, 204, 206, 304, 400, 401, 403, 404, 405, 409, 416, 422, 429}, (
            url,
            response.status,
        )
        if (
            response.status >= 400
            and method != "HEAD"
            and "application/problem+json" in response.headers["Content-Type"]
        ):
            assert json.loads(body)["status"] == response.status
        assert "Server" not in response.headers or response.headers["Server"] == "voicebox"


def escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


async def test_no_path_query_or_header_breaks_it(made_office: Callable[..., Awaitable[Office]]) -> None:
    office = await made_office()
    message, call = await office.message(), await office.call()
    tokens = [await office.admin(), await office.owner(), await office.operator(), None]
    asked = list[tuple[str, str, dict[str, str]]]()

    @settings(max_examples=400, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        path=st.one_of(st.sampled_from(PATHS), values.map(lambda text: "/" + escaped(text))),
        place=st.one_of(values, st.sampled_from([message.id, call.id, "1001", "1", "9" * 15])),
        query=queries,
        token=st.sampled_from(tokens),
        method=st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS"]),
        name=st.sampled_from(
            [
                "Range",
                "If-Range",
                "If-None-Match",
                "Accept-Language",
                "X-Forwarded-For",
                "Accept",
                "Cookie",
                "X-Real-IP",
            ]
        ),
        header=st.one_of(header_text, st.sampled_from(["bytes=0-", "bytes=-1", "bytes=9-1", "*", "de;q=", '"', "::1"])),
    )
    def make(
        *,
        path: str,
        place: str,
        query: list[tuple[str, str]],
        token: str | None,
        method: str,
        name: str,
        header: str,
    ) -> None:
        whole = (
            path.replace("{number}", escaped(place))
            .replace("{id}", escaped(place))
            .replace("{announcement}", escaped(place))
        )
        asks = "&".join(f"{escaped(key)}={escaped(value)}" for key, value in query)
        headers = {name: header.strip()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        asked.append((f"{whole}?{asks}", method, headers))

    make()
    async with served(office.parts) as address, aiohttp.ClientSession() as session:
        for path, method, headers in asked:
            await ask(session, address + path, method, headers)
        async with session.get(f"{address}/healthz") as response:
            assert response.status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_no_nasty_value_in_any_place(office: Office, path: str) -> None:
    headers = {"Authorization": f"Bearer {await office.admin()}"}
    async with aiohttp.ClientSession() as session:
        for value in NASTY:
            text = escaped(value)
            place = path.replace("{number}", text).replace("{id}", text).replace("{announcement}", text)
            whole = office.browser.address + place
            await ask(session, whole, "GET", headers)
            for name in ("limit", "cursor", "folder", "company", "mailbox", "format"):
                await ask(session, f"{whole}?{name}={text}", "GET", headers)
