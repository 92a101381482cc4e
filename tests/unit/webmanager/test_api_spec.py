"""The OpenAPI page, the table of routes and the router are one; and what is answered is what is described."""

import json
import re
from typing import Any

import pytest

from tests.unit.webmanager.conforming import faults
from tests.unit.webmanager.office import Answer, Office
from voicebox.errors import DatabaseUnavailable
from webmanager.api.openapi import describe
from webmanager.api.route import Files
from webmanager.api.routes import ROUTES
from webmanager.guard import Access
from webmanager.pages.routes import PAGES
from webmanager.problems import CONTENT_TYPE
from webmanager.server import make_app

BODIES: dict[str, Any] = {"/api/v1/messages/{id}/forward": {"to": ["1002"]}}
"""What is sent to the routes that take a body."""
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
        assert described - {200, 201, 206, 304} == set(route.refusals)
        assert (route.body is not None) == ("requestBody" in operation)
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


def asking(route: Any) -> dict[str, Any]:
    """Return how a route is asked: its method, and a body where it takes one."""
    return {"method": route.method} | ({} if route.body is None else {"sent": BODIES[route.path]})


async def test_the_page_is_served_as_it_is_generated(office: Office) -> None:
    answer = await office.browser.ask("/api/openapi.json")
    assert answer.json == SPEC
    assert answer.json["openapi"].startswith("3.1.")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_every_answer_is_as_described(office: Office, route: Any) -> None:
    call, message = await office.call(), await office.message(call_id="0" * 32)
    await office.call(mailbox=None)
    await office.message()
    key = call.id if "calls" in route.path else message.id
    path = route.path.replace("{number}", "1001").replace("{id}", key)
    tokens = [None, await office.owner(), await office.owner(office.ben)]
    tokens += [await office.admin(), await office.admin(office.other), await office.operator()]
    seen = set[int]()
    for token in tokens:
        for query in ("", "?limit=1", "?limit=0", "?format=mp3", "?company=Beispiel%20GmbH", "?company=x", "?a=b"):
            for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999999-"}, {"X_Real_IP": "192.0.2.1"}):
                answer = await office.browser.ask(path + query, token, **asking(route), **headers)
                conforms(answer, route.path, route.method)
                seen.add(answer.status)
    unknown = route.path.replace("{number}", "9999").replace("{id}", "f" * 32)
    answer = await office.browser.ask(unknown, tokens[3], **asking(route))
    conforms(answer, route.path, route.method)
    seen.add(answer.status)
    for _ in range(12):
        answer = await office.browser.ask(path, "guessed-token", **asking(route), X_Real_IP="192.0.2.1")
        conforms(answer, route.path, route.method)
        seen.add(answer.status)
    assert route.success in seen
    if isinstance(route.returns, Files) and 416 in route.refusals:
        seen -= {206}
    missing = set(route.refusals) - seen - {503}
    assert not missing, f"{route.path} describes {missing} and never answers so"


async def test_unavailability_is_as_described(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await office.admin()

    def away(_: Any) -> Any:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(type(office.db), "read", away)
    for route in ROUTES:
        path = route.path.replace("{number}", "1001").replace("{id}", "0" * 32)
        answer = await office.browser.ask(path, token, **asking(route), X_Real_IP="192.0.2.1")
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
