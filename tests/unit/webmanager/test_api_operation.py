"""What operators and their tools see: health, readiness, figures, headers, and errors that tell nothing away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.fakes.rows import NOW
from tests.unit.webmanager.office import Browser, Office
from voicebox.errors import DatabaseUnavailable
from voicebox.storage import outbox
from voicebox.storage.outbox import Draft, Kind
from webmanager.api import ready
from webmanager.server import served


async def test_the_process_is_alive_whatever_else_is_not(office: Office) -> None:
    async def fails() -> None:
        raise RuntimeError

    for name in office.checks:
        office.checks[name] = fails
    answer = await office.browser.ask("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


async def test_ready_says_what_was_asked(office: Office) -> None:
    answer = await office.browser.ask("/readyz")
    assert answer.status == 200
    assert answer.json == {
        "status": "ready",
        "checks": {"database": "ready", "audio store": "ready", "spool": "ready", "sip": "ready"},
    }


async def test_not_ready_names_the_parts_and_keeps_the_reasons_for_the_log(office: Office) -> None:
    async def away() -> None:
        raise DatabaseUnavailable("postgresql://voicebox:geheim@db/voicebox")

    async def draining() -> None:
        raise RuntimeError("draining")

    office.checks["database"], office.checks["sip"] = away, draining
    answer = await office.browser.ask("/readyz", Accept_Language="de")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["not_ready"] == ["database", "sip"]
    assert answer.json["detail"] == "Nicht bereit: database, sip."
    assert b"geheim" not in answer.body


async def test_a_part_that_does_not_answer_is_not_ready(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "CHECK_MAX_S", 0.02)

    async def hangs() -> None:
        await asyncio.Event().wait()

    office.checks["audio store"] = hangs
    office.checks["database"] = hangs
    answer = await office.browser.ask("/readyz")
    assert (answer.status, answer.json["not_ready"]) == (503, ["database", "audio store"])


async def test_the_parts_are_asked_side_by_side(office: Office) -> None:
    both = asyncio.Barrier(2)

    async def meets() -> None:
        await both.wait()

    office.checks["database"] = office.checks["sip"] = meets
    assert (await office.browser.ask("/readyz")).status == 200


async def test_readiness_follows_the_truth_and_a_crowd_asks_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    works = False

    async def part() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if not works:
            raise RuntimeError("away")

    office.checks["sip"] = part
    monkeypatch.setattr(ready, "FRESH_S", 3600.0)
    answers = await asyncio.gather(*(office.browser.ask("/readyz") for _ in range(20)))
    assert {each.status for each in answers} == {503}
    assert asked == 1
    works = True
    monkeypatch.setattr(ready, "FRESH_S", 0.0)
    assert (await office.browser.ask("/readyz")).status == 200


async def test_the_figures_are_for_this_machine_and_for_administrators(office: Office) -> None:
    assert (await office.browser.ask("/metrics")).status == 200
    for proxy in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"):
        through = {proxy: "203.0.113.9"}
        assert (await office.browser.ask("/metrics", **through)).status == 401, proxy
        assert (await office.browser.ask("/metrics", await office.admin(), **through)).status == 200
        assert (await office.browser.ask("/metrics", await office.operator(), **through)).status == 200
        refused = await office.browser.ask("/metrics", await office.owner(), **through)
        assert (refused.status, refused.json["type"]) == (403, "urn:voicebox:problem:token-too-narrow")


async def test_behind_a_configured_proxy_nobody_is_local(made_office: Callable[..., Awaitable[Office]]) -> None:
    office = await made_office(trusted_proxies=["127.0.0.0/8"])
    async with served(office.parts) as address, Browser(address) as browser:
        assert (await browser.ask("/metrics")).status == 401
        assert (await browser.ask("/metrics", X_Forwarded_For="127.0.0.1")).status == 401


async def test_the_figures_show_what_the_database_knows(office: Office) -> None:
    message = await office.message()
    await office.lost()
    await office.lost(broken=True)
    drafts = [Draft(office.one.id, Kind.MAIL_COPY, f"k{n}", office.anna.id, message.id) for n in range(2)]
    await office.db.write(lambda connection: outbox.add(connection, drafts, NOW))
    await office.db.write(lambda connection: outbox.remind_light(connection, office.one.id, office.anna.id, NOW))
    office.clock.advance(90)
    await office.db.write(
        lambda connection: outbox.remind_light(connection, office.one.id, office.anna.id, office.clock.now())
    )
    answer = await office.browser.ask("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert list(text_string_to_metric_families(answer.body.decode()))
    value = office.parts.metrics.value
    assert value("voicebox_outbox_due", kind="mail-copy") == 2
    assert value("voicebox_outbox_oldest_seconds", kind="mail-copy") == 90
    assert value("voicebox_outbox_due", kind="mwi") == 1
    assert value("voicebox_outbox_oldest_seconds", kind="mwi") == 0  # its one row was made due again just now
    assert value("voicebox_audio_unsettled", state="waiting") == 1
    assert value("voicebox_audio_unsettled", state="broken") == 1
    entries = await office.db.write(
        lambda connection: outbox.claim_due(connection, Kind.MAIL_COPY, limit=9, now=office.clock.now(), lease_s=60)
    )
    await office.db.write(lambda connection: outbox.done(connection, entries[0], NOW))
    await office.db.write(lambda connection: outbox.give_up(connection, entries[1], "550", NOW))
    await office.browser.ask("/metrics")
    assert value("voicebox_outbox_due", kind="mail-copy") == 0
    assert value("voicebox_outbox_oldest_seconds", kind="mail-copy") == 0


async def test_the_figures_are_shown_while_the_database_is_away(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> Any:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(type(office.db), "read", away)
    answer = await office.browser.ask("/metrics")
    assert answer.status == 200
    assert b"voicebox_calls 0.0" in answer.body


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/api/openapi.json", "/api/v1/mailboxes", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_answer_carries_the_security_headers_and_no_banner(office: Office, path: str, method: str) -> None:
    token = None if path == "/nothing" else await office.admin()
    answer = await office.browser.ask(path, token, method=method, Origin="https://evil.example")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] in {"no-store", "no-cache"}
    assert "Server" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_head_is_get_without_a_body(office: Office) -> None:
    token = await office.admin()
    for path in ("/healthz", "/readyz", "/api/openapi.json", "/api/v1/mailboxes", "/api/v1/mailboxes/1001"):
        whole, head = await office.browser.ask(path, token), await office.browser.ask(path, token, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_405_with_what_is_allowed(office: Office, method: str) -> None:
    for path in ("/healthz", "/api/v1/mailboxes/1001/messages"):
        answer = await office.browser.ask(path, await office.admin(), method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.json["type"] == "urn:voicebox:problem:method-not-allowed"


async def test_a_path_that_does_not_exist_is_404_with_a_token(office: Office) -> None:
    for path in ("/", "/api/v1/nothing", "/api/v1/mailboxes/1001/messages/", "/api/v1/messages"):
        answer = await office.browser.ask(path, await office.admin(), Accept_Language="de")
        assert (answer.status, answer.json["title"]) == (404, "Nicht gefunden")


async def test_a_fault_of_ours_is_500_with_an_id_that_leads_to_the_log(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await office.admin()

    async def breaks(*_: Any, **__: Any) -> Any:
        raise ValueError("secret inside")

    monkeypatch.setattr(type(office.parts.directory), "page", breaks)
    with capture_logs() as log:
        answer = await office.browser.ask("/api/v1/mailboxes", token)
    assert answer.status == 500
    assert b"secret inside" not in answer.body
    fault = answer.json["instance"].removeprefix("urn:voicebox:fault:")
    assert [each["fault"] for each in log if each["event"] == "http_failed"] == [fault]
    assert (await office.browser.ask("/healthz")).status == 200
