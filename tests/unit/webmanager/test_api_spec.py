"""The OpenAPI page, the table of routes and the router are one; and what is answered is what is described."""

import json
import re
from typing import Any

import pytest

from tests.unit.webmanager.asking import filled, how, key_of
from tests.unit.webmanager.conforming import faults
from tests.unit.webmanager.office import Answer, Office
from voicebox.announcement import Kind
from voicebox.errors import DatabaseUnavailable
from webmanager.api.openapi import describe
from webmanager.api.route import Files, Route
from webmanager.api.routes import ROUTES
from webmanager.guard import Access
from webmanager.pages.routes import PAGES
from webmanager.problems import CONTENT_TYPE
from webmanager.server import make_app

MORE = {
    "add_announcement": ("?name=Ferien", "?name=Ferien&mailbox=9999"),
    "remove_announcement": ("?replace_by_default=true", "?replace_by_default=x"),
}
"""Further queries, without which a route does not answer all that it may."""
CUT_OFF = {400, 408}
"""What only who sends a body badly gets, or not to its end (test_api_announcements.py, test_api_sendings.py)."""
SPEC = json.loads(json.dumps(describe(ROUTES)))


def test_table_page_and_router_are_equal(office_parts: Any) -> None:
    table = {(route.method, route.path) for route in ROUTES}
    page = {(method.upper(), path) for path, methods in SPEC["paths"].items() for method in methods}
    router = {
        (route.method, route.resource.canonical)
        for route in make_app(office_parts).router.routes()
        if route.resource is not None
    }
    assert page == table
    pages = {(method, path) for method, path, _ in PAGES}
    assert {each for each in router if each[0] != "HEAD"} == table | pages
    assert {path for method, path in router if method == "HEAD"} == {
        path for method, path in table | pages if method == "GET"
    }
    assert len(table) == len(ROUTES)


def test_parameters_and_refusals_are_those_of_the_table() -> None:
    for route in ROUTES:
        operation = SPEC["paths"][route.path][route.method.lower()]
        parameters = operation.get("parameters", [])
        assert [each["name"] for each in parameters if each["in"] == "path"] == re.findall(r"{(\w+)}", route.path)
        assert [each["name"] for each in parameters if each["in"] == "query"] == list(route.query.model_fields)
        assert all(each["description"] for each in parameters)
        described = {int(status) for status in operation["responses"]}
        assert described - {200, 201, 204, 206, 304} == set(route.refusals)
        assert (route.body is not None or route.file is not None) == ("requestBody" in operation)
        assert (operation["security"] == []) == (route.access is Access.PUBLIC)


def test_every_reference_leads_somewhere_and_nothing_is_named_twice() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for item in value.values() for each in references(item)]
        return [each for item in value for each in references(item)] if isinstance(value, list) else []

    found = references(SPEC)
    assert found
    for reference in found:
        target: Any = SPEC
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    names = [operation["operationId"] for methods in SPEC["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)
    used = {each.rpartition("/")[2] for each in found}
    assert set(SPEC["components"]["schemas"]) <= used


def conforms(answer: Answer, path: str, method: str = "GET") -> None:
    """Fail unless an answer is one that the page describes."""
    operation = SPEC["paths"][path][method.lower()]
    assert str(answer.status) in operation["responses"], f"{path} answered {answer.status}: {answer.body[:200]!r}"
    response = operation["responses"][str(answer.status)]
    if "$ref" in response:
        response = SPEC["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response.get("content", {})
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    assert media_type in content or (not content and not answer.body)
    schema = content.get(media_type, {}).get("schema")
    if schema is not None:
        assert faults(answer.json, schema, SPEC) == []


async def test_the_page_is_served_as_it_is_generated(office: Office) -> None:
    answer = await office.browser.ask("/api/openapi.json")
    assert answer.json == SPEC
    assert answer.json["openapi"].startswith("3.1.")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_answer_is_as_described(office: Office, route: Route) -> None:
    key = await key_of(office, route, office.anna)
    await office.call()
    await office.call(mailbox=None)
    await office.message()
    if "{announcement}" in route.path:
        chosen = await office.parts.announcements.choose(office.anna, Kind.BUSY, int(key))
        assert chosen
    path = filled(route, key=key).partition("?")[0]
    tokens = [None, await office.owner(), await office.owner(office.ben)]
    tokens += [await office.admin(), await office.admin(office.other), await office.operator()]
    queries = ["", "?limit=1", "?limit=0", "?format=mp3", "?company=Beispiel%20GmbH", "?company=x", "?a=b"]
    seen = set[int]()
    for token in tokens:
        for query in (*queries, *MORE.get(route.name, ())):
            for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999999-"}, {"X_Real_IP": "192.0.2.1"}):
                answer = await office.browser.ask(path + query, token, **how(route), **headers)
                conforms(answer, route.path, route.method)
                seen.add(answer.status)
    answer = await office.browser.ask(filled(route, number="9999", key="f" * 32), tokens[3], **how(route))
    conforms(answer, route.path, route.method)
    seen.add(answer.status)
    for _ in range(12):
        answer = await office.browser.ask(path, "guessed-token", **how(route), X_Real_IP="192.0.2.1")
        conforms(answer, route.path, route.method)
        seen.add(answer.status)
    assert route.success in seen
    if isinstance(route.returns, Files) and 416 in route.refusals:
        seen -= {206}
    missing = set(route.refusals) - seen - {503} - (CUT_OFF if route.file or route.body else set())
    assert not missing, f"{route.path} describes {missing} and never answers so"


async def test_unavailability_is_as_described(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await office.admin()

    def away(_: Any) -> Any:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(type(office.db), "read", away)
    for route in ROUTES:
        answer = await office.browser.ask(filled(route), token, **how(route), X_Real_IP="192.0.2.1")
        conforms(answer, route.path, route.method)
        if 503 in route.refusals:
            assert answer.status == 503
            assert answer.headers["Content-Type"].startswith(CONTENT_TYPE)


def test_the_checker_sees_what_is_wrong() -> None:
    schema = SPEC["components"]["schemas"]["MessagesOut"]
    good: dict[str, Any] = {"messages": [], "next": None}
    assert faults(good, schema, SPEC) == []
    wrong: list[Any] = [
        {},
        {"messages": []},
        good | {"more": 1},
        good | {"next": 1},
        good | {"messages": [{}]},
        [],
        None,
    ]
    for bad in wrong:
        assert faults(bad, schema, SPEC)
