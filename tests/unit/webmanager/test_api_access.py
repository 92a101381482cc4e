"""Who may see what: two companies with the same extension, every kind of token, every path and every id."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.rows import NOW
from tests.unit.webmanager.asking import UNKNOWN, filled, how, key_of
from tests.unit.webmanager.office import Browser, Office
from voicebox.errors import DatabaseUnavailable
from voicebox.storage import tokens
from voicebox.storage.tokens import Scope
from webmanager import throttle
from webmanager.api.route import Route
from webmanager.api.routes import ROUTES
from webmanager.guard import Access
from webmanager.server import served

WITH_TOKEN = [route for route in ROUTES if route.access is Access.TOKEN]
PATHS = sorted({filled(route).partition("?")[0] for route in WITH_TOKEN})
DONE = {200, 201, 204}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("path", [*PATHS, "/", "/api", "/api/v1", "/nothing", "/healthz/", "/HEALTHZ", "/.env"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
async def test_every_path_without_a_token_is_401(office: Office, path: str, method: str) -> None:
    answer = await office.browser.ask(path, method=method)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="voicebox"'
    if method == "GET":
        assert answer.json["type"] == "urn:voicebox:problem:token-missing"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/openapi.json"])
async def test_three_paths_are_for_everybody(office: Office, path: str) -> None:
    assert (await office.browser.ask(path)).status == 200
    assert (await office.browser.ask(path, "wrong-token-wrong-token")).status == 200
    assert (await office.browser.ask(path, method="POST")).status == 405


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "vb_x",
        "Bearer x",
        "Bearer " + "x" * 500,
        "Bearer a b",
        "Bearer %00%00%00%00",
    ],
)
async def test_what_is_no_token_is_401(office: Office, header: str) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes", Authorization=header)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="voicebox", error="invalid_token"'


async def test_unknown_expired_and_revoked_tokens_are_alike(office: Office) -> None:
    expired = await office.token(Scope.ADMIN, company_id=office.one.id, expires_at=NOW + timedelta(days=1))
    assert (await office.browser.ask("/api/v1/mailboxes", expired)).status == 200
    revoked = await office.admin()
    async with office.db.read() as connection:
        found = await tokens.find(connection, revoked, NOW)
    assert found is not None
    await office.db.write(lambda connection: tokens.revoke(connection, found.id, NOW))
    office.clock.advance(86_401)
    bodies = {
        (await office.browser.ask("/api/v1/mailboxes", each)).body for each in (expired, revoked, "vb_" + "x" * 43)
    }
    assert len(bodies) == 1
    assert b"token-refused" in bodies.pop()


@pytest.mark.parametrize("route", WITH_TOKEN, ids=name_of)
async def test_a_mailbox_token_reaches_its_own_mailbox_and_no_other(office: Office, route: Route) -> None:
    keys = [await key_of(office, route, each) for each in (office.anna, office.ben, office.foreign)]
    token = await office.owner()
    # First, since what is removed is not there any more.
    foreign_company = await office.browser.ask(filled(route, key=keys[0], company="Anderswo AG"), token, **how(route))
    assert foreign_company.status == 403
    if "{id}" in route.path or "{announcement}" in route.path:
        # What a mailbox did not send is not among what it sent.
        foreign = 404 if "/sendings/" in route.path else 403
        for key in keys[1:]:
            assert (await office.browser.ask(filled(route, key=key), token, **how(route))).status == foreign
        assert (await office.browser.ask(filled(route), token, **how(route))).status == 404
    if "{number}" in route.path:
        for number in ("1002", "9999", "x"):
            answer = await office.browser.ask(filled(route, number=number, key=keys[0]), token, **how(route))
            assert (answer.status, answer.json["type"]) == (403, "urn:voicebox:problem:foreign-mailbox")
    assert (await office.browser.ask(filled(route, key=keys[0]), token, **how(route))).status in DONE


async def test_a_mailbox_token_lists_its_own_mailbox_only(office: Office) -> None:
    answer = await office.browser.ask("/api/v1/mailboxes", await office.owner())
    assert [each["number"] for each in answer.json["mailboxes"]] == ["1001"]
    assert answer.json["next"] is None


async def test_the_same_extension_is_each_companys_own(office: Office) -> None:
    own, foreign = await office.message(office.anna), await office.message(office.foreign)
    for company, name, expected in ((office.one, "Anna Beispiel", own), (office.other, "Fremde", foreign)):
        token = await office.admin(company)
        shown = await office.browser.ask("/api/v1/mailboxes/1001", token)
        assert shown.json["name"] == name
        listed = await office.browser.ask("/api/v1/mailboxes/1001/messages", token)
        assert [each["id"] for each in listed.json["messages"]] == [expected.id]


@pytest.mark.parametrize(
    "route", [route for route in WITH_TOKEN if re.search("{(id|announcement)}", route.path)], ids=name_of
)
async def test_a_companys_administrator_gets_no_other_companys_object(office: Office, route: Route) -> None:
    key = await key_of(office, route, office.foreign)
    refused = await office.browser.ask(filled(route, key=key), await office.admin(office.one), **how(route))
    assert refused.status == (404 if "/sendings/" in route.path else 403)
    named = {"company": "Anderswo AG"} if "{number}" in route.path else {}
    for token in (await office.admin(office.other), await office.operator()):
        done = await office.browser.ask(filled(route, key=key, **named), token, **how(route))
        assert done.status in DONE
        key = await key_of(office, route, office.foreign)


@pytest.mark.parametrize("route", WITH_TOKEN, ids=name_of)
async def test_another_companys_name_is_refused_whether_it_exists_or_not(office: Office, route: Route) -> None:
    token = await office.admin()
    answers = [
        await office.browser.ask(filled(route, company=name), token, **how(route))
        for name in ("Anderswo AG", "Nirgendwo")
    ]
    assert [each.status for each in answers] == [403, 403]
    assert answers[0].body == answers[1].body


async def test_a_token_may_name_its_own_company(office: Office) -> None:
    for token in (await office.admin(), await office.owner()):
        assert (await office.browser.ask("/api/v1/mailboxes?company=Beispiel%20GmbH", token)).status == 200


async def test_an_unknown_message_is_404(office: Office) -> None:
    for key in (UNKNOWN, "x", "%00", "0" * 31, "A" * 32, "0" * 33):
        for path in ("/api/v1/messages/{id}", "/api/v1/messages/{id}/audio"):
            answer = await office.browser.ask(path.replace("{id}", key), await office.admin())
            assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:unknown-message")


@pytest.fixture
def never_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give no new attempt in seconds (`test_web_throttle` has the rates): tests may take longer than that."""
    monkeypatch.setattr(throttle, "EACH_PER_S", 1 / 600)


@pytest.mark.usefixtures("never_forgets")
async def test_guessing_is_slowed_down_and_a_good_token_goes_on_working(office: Office) -> None:
    good = await office.admin()
    assert (await office.browser.ask("/api/v1/mailboxes", good)).status == 200
    with capture_logs() as log:
        statuses = [(await office.browser.ask("/api/v1/mailboxes", f"guess-{n:08}")).status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    limited = await office.browser.ask("/api/v1/mailboxes", "guess-again")
    assert 1 <= int(limited.headers["Retry-After"]) <= 600
    assert limited.json["type"] == "urn:voicebox:problem:too-many-attempts"
    assert (await office.browser.ask("/api/v1/mailboxes", good)).status == 200
    assert (await office.browser.ask("/api/v1/mailboxes")).status == 401  # no guess, so not counted
    refused = [each for each in log if each["event"] == "api_sign_in_refused"]
    assert len(refused) == 10
    assert all(each["ip"] == "127.0.0.1" for each in refused)
    assert "guess-" not in str(log)


@pytest.mark.usefixtures("never_forgets")
async def test_a_good_token_that_is_revoked_is_a_guess_from_then_on(office: Office) -> None:
    text = await office.admin()
    assert (await office.browser.ask("/api/v1/mailboxes", text)).status == 200
    async with office.db.read() as connection:
        found = await tokens.find(connection, text, NOW)
    assert found is not None
    await office.db.write(lambda connection: tokens.revoke(connection, found.id, NOW))
    statuses = [(await office.browser.ask("/api/v1/mailboxes", text)).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]


@pytest.mark.usefixtures("never_forgets")
async def test_behind_a_proxy_guessers_are_told_apart(made_office: Callable[..., Awaitable[Office]]) -> None:
    office = await made_office(trusted_proxies=["127.0.0.1/32"])
    async with served(office.parts) as address, Browser(address) as browser:
        for n in range(12):
            last = await browser.ask("/api/v1/mailboxes", f"guess-{n:08}", X_Forwarded_For="192.0.2.1")
        assert last.status == 429
        spoofed = await browser.ask("/api/v1/mailboxes", "guess-guess", X_Forwarded_For="203.0.113.9, 192.0.2.1")
        assert spoofed.status == 429
        other = await browser.ask("/api/v1/mailboxes", "guess-guess", X_Forwarded_For="192.0.2.2")
        assert other.status == 401


@pytest.mark.usefixtures("never_forgets")
async def test_who_is_no_proxy_of_ours_speaks_for_nobody(office: Office) -> None:
    for n in range(12):
        last = await office.browser.ask("/api/v1/mailboxes", f"guess-{n:08}", X_Forwarded_For=f"192.0.2.{n}")
    assert last.status == 429


async def test_while_the_database_is_away_nobody_gets_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await office.admin()

    def away(_: Any) -> Any:
        raise DatabaseUnavailable("password=geheim")

    monkeypatch.setattr(type(office.db), "read", away)
    answer = await office.browser.ask("/api/v1/mailboxes", token, Accept_Language="de")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json["title"] == "Vorübergehend nicht möglich"
    assert b"geheim" not in answer.body
