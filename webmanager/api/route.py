"""A route of the HTTP interface: one entry of the table that the router, the guard and the OpenAPI page are made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from webmanager.api.body import read_body
from webmanager.api.querying import read_query
from webmanager.guard import Access, Handler

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Files:
    """An answer that is a file."""

    media_types: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """What may be asked, how, by whom, and what the answer looks like."""

    method: str
    path: str
    """With `{name}` for what varies."""
    name: str
    """`operationId`: stable, for generated clients."""
    summary: str
    tag: str
    query: type[BaseModel]
    returns: type[BaseModel] | Files
    access: Access
    refusals: tuple[int, ...]
    """Statuses of its problem details, ascending."""
    handler: Handler
    body: type[BaseModel] | None = None
    """Of the JSON that is sent with it."""
    success: int = 200


def post(
    path: str,
    action: Callable[[web.Request, Q, B], Awaitable[web.StreamResponse]],
    *,
    query: type[Q],
    body: type[B],
    returns: type[BaseModel],
    summary: str,
    tag: str = "voicemail",
    refusals: tuple[int, ...] = (),
) -> Route:
    """Return the route of a POST that makes something (201); the action gets query and body checked."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await action(request, read_query(request, query), await read_body(request, body))

    return Route(
        method="POST",
        path=path,
        name=getattr(action, "__name__", ""),
        summary=summary,
        tag=tag,
        query=query,
        returns=returns,
        access=Access.TOKEN,
        refusals=tuple(sorted({401, 422, 429, *refusals})),
        handler=handler,
        body=body,
        success=201,
    )


def get(
    path: str,
    action: Callable[[web.Request, Q], Awaitable[web.StreamResponse]],
    *,
    query: type[Q],
    returns: type[BaseModel] | Files,
    summary: str,
    tag: str = "voicemail",
    access: Access = Access.TOKEN,
    refusals: tuple[int, ...] = (),
) -> Route:
    """Return the route of a GET (and so HEAD); the action gets its query checked."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await action(request, read_query(request, query))

    every: tuple[int, ...] = () if access is Access.PUBLIC else (401, 429)
    if query.model_config.get("extra") == "forbid":
        every += (422,)
    return Route(
        method="GET",
        path=path,
        name=getattr(action, "__name__", ""),
        summary=summary,
        tag=tag,
        query=query,
        returns=returns,
        access=access,
        refusals=tuple(sorted({*every, *refusals})),
        handler=handler,
    )


def answer(body: BaseModel, *, headers: dict[str, str] | None = None, status: int = 200) -> web.Response:
    """Return a model as JSON."""
    return web.Response(
        status=status,
        body=body.model_dump_json(by_alias=True).encode(),
        content_type="application/json",
        headers=headers,
    )


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return a query model's JSON schema."""
    return model.model_json_schema(mode="validation")
