"""A route of the HTTP interface: one entry of the table that the router, the guard and the OpenAPI page are made of."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, overload

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
class Upload:
    """A file that is sent with a request, as its body."""

    media_types: tuple[str, ...]
    text: str


Method = Literal["GET", "POST", "PATCH", "DELETE"]
_SUCCESS: Final[Mapping[Method, int]] = MappingProxyType({"GET": 200, "POST": 201, "PATCH": 200, "DELETE": 204})


@dataclass(frozen=True, slots=True)
class Route:
    """What may be asked, how, by whom, and what the answer looks like."""

    method: Method
    path: str
    """With `{name}` for what varies."""
    name: str
    """`operationId`: stable, for generated clients."""
    summary: str
    tag: str
    query: type[BaseModel]
    returns: type[BaseModel] | Files | None
    """None: nothing comes back but the status."""
    access: Access
    refusals: tuple[int, ...]
    """Statuses of its problem details, ascending."""
    handler: Handler
    body: type[BaseModel] | None = None
    """Of the JSON that is sent with it."""
    file: Upload | None = None
    """What is sent with it instead."""
    success: int = 200


@overload
def route(
    method: Method,
    path: str,
    action: Callable[[web.Request, Q], Awaitable[web.StreamResponse]],
    *,
    query: type[Q],
    returns: type[BaseModel] | Files | None,
    summary: str,
    file: Upload | None = None,
    success: int | None = None,
    tag: str = "voicemail",
    access: Access = Access.TOKEN,
    refusals: tuple[int, ...] = (),
) -> Route: ...


@overload
def route(
    method: Method,
    path: str,
    action: Callable[[web.Request, Q, B], Awaitable[web.StreamResponse]],
    *,
    query: type[Q],
    body: type[B],
    returns: type[BaseModel] | Files | None,
    summary: str,
    success: int | None = None,
    tag: str = "voicemail",
    access: Access = Access.TOKEN,
    refusals: tuple[int, ...] = (),
) -> Route: ...


def route(
    method: Method,
    path: str,
    action: Callable[..., Awaitable[web.StreamResponse]],
    *,
    query: type[BaseModel],
    returns: type[BaseModel] | Files | None,
    summary: str,
    body: type[BaseModel] | None = None,
    file: Upload | None = None,
    success: int | None = None,
    tag: str = "voicemail",
    access: Access = Access.TOKEN,
    refusals: tuple[int, ...] = (),
) -> Route:
    """Return a route; its action gets the query checked, and the JSON body where there is one.

    Args:
        method: GET (and so HEAD), POST, PATCH or DELETE.
        path: with `{name}` for what varies.
        action: what is done.
        query: what may be asked; a model that forbids others has them refused with 422.
        returns: what is answered; None is nothing.
        summary: a line for the OpenAPI page.
        body: of the JSON that is sent with it.
        file: what is sent with it instead, to be read by the action.
        success: the status, where it is not the method's own (200, 201 for what was made, 204 for what was
            removed).
        tag: of the OpenAPI page.
        access: who may ask.
        refusals: further statuses of its problem details.
    """

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = read_query(request, query)
        return await (
            action(request, asked) if body is None else action(request, asked, await read_body(request, body))
        )

    every: tuple[int, ...] = () if access is Access.PUBLIC else (401, 429)
    if body is not None or file is not None:
        every += (400, 408, 422)  # it breaks off, stands still, or is not what it should be
    elif query.model_config.get("extra") == "forbid":
        every += (422,)
    return Route(
        method=method,
        path=path,
        name=getattr(action, "__name__", ""),
        summary=summary,
        tag=tag,
        query=query,
        returns=returns,
        access=access,
        refusals=tuple(sorted({*every, *refusals})),
        handler=handler,
        body=body,
        file=file,
        success=success or _SUCCESS[method],
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
