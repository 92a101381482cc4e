"""The OpenAPI 3.1 page, generated from the table of routes and the pydantic models it names."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from voicebox import __version__
from webmanager.api.route import Files, Route, described
from webmanager.guard import Access
from webmanager.problems import CONTENT_TYPE, ProblemBody

_REF: Final = "#/components/schemas/{model}"
_PLACES: Final[dict[str, dict[str, Any]]] = {
    "number": {"description": "The extension of a mailbox.", "schema": {"type": "string"}},
    "id": {
        "description": "An id: 32 hexadecimal digits.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "announcement": {"description": "The id of an announcement.", "schema": {"type": "integer", "minimum": 0}},
}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the whole page, ready for JSON."""
    models: list[type[BaseModel]] = [ProblemBody]
    models += [each.returns for each in routes if isinstance(each.returns, type)]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(each, "serialization") for each in models]
    wanted += [(each.body, "validation") for each in routes if each.body is not None]
    _, schemas = models_json_schema(wanted, by_alias=True, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voicebox",
            "version": __version__,
            "description": "Mailboxes, messages and calls. Fields and routes are added, never renamed or removed.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "responses": {
                str(status): _refusal(status) for status in sorted({s for route in routes for s in route.refusals})
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `voicebox token`."}
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "responses": {
            **_success(route),
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in route.refusals},
        },
        "security": {Access.PUBLIC: [], Access.TOKEN: [{"token": []}], Access.ADMIN_OR_LOCAL: [{"token": []}, {}]}[
            route.access
        ],
    }
    if route.body is not None:
        schema = {"$ref": _REF.format(model=route.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.file is not None:
        content: dict[str, Any] = {media_type: {} for media_type in route.file.media_types}
        operation["requestBody"] = {"required": True, "description": route.file.text, "content": content}
    if not operation["parameters"]:
        del operation["parameters"]
    return operation


def _success(route: Route) -> dict[str, Any]:
    returns = route.returns
    if returns is None:
        return {str(route.success): {"description": "Done."}}
    if not isinstance(returns, Files):
        content = {"application/json": {"schema": {"$ref": _REF.format(model=returns.__name__)}}}
        text = " ".join((returns.__doc__ or "").split())
        return {str(route.success): {"description": text, "content": content}}
    body: dict[str, Any] = {media_type: {} for media_type in returns.media_types}
    found: dict[str, Any] = {"200": {"description": returns.text, "content": body}}
    if 416 in route.refusals:
        found["206"] = {"description": "The part that was asked for.", "content": body}
        found["304"] = {"description": "What the caller has is up to date."}
    return found


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemBody.__name__)}
    return {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"schema": schema}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, **_PLACES[name]} for name in names]


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = described(query)
    found = []
    for name, prop in schema.get("properties", {}).items():
        given = _of_parameter(prop, schema.get("$defs", {}))
        text = given.pop("description", "")
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": text,
                "schema": given,
            }
        )
    return found


def _of_parameter(prop: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema by itself: one that is left out is absent, never null."""
    given = dict(prop)
    if "anyOf" in given:
        given = {**next(each for each in given.pop("anyOf") if each != {"type": "null"}), **given}
    if "$ref" in given:
        given = {**definitions[given.pop("$ref").rpartition("/")[2]], **given}
    if given.get("default", ...) is None:
        del given["default"]
    given.pop("title", None)
    return given
