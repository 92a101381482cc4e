"""A file that is sent whole or in part, as the client asks (RFC 9110 sections 13 and 14)."""

from collections.abc import Mapping

from aiohttp import web

from webmanager.problems import Problem
from webmanager.ranges import NotSatisfiable, matches, parse_range
from webmanager.renderings import Rendering
from webmanager.wording import Code


def ranged(
    request: web.Request, file: Rendering, content_type: str, *, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Return the file, the part of it that is asked for (206), or word that the client has it already (304).

    Raises:
        Problem: 416, it has no such part.
    """
    known = {"ETag": file.etag, "Accept-Ranges": "bytes", **headers}
    if matches(request.headers.get("If-None-Match"), file.etag, weak=True):
        return web.Response(status=304, headers=known)
    wanted = request.headers.get("Range") if request.method == "GET" else None
    if "If-Range" in request.headers and not matches(request.headers["If-Range"], file.etag, weak=False):
        wanted = None
    size = len(file.data)
    try:
        span = parse_range(wanted, size)
    except NotSatisfiable:
        raise Problem(
            Code.RANGE_NOT_SATISFIABLE,
            headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
            size=str(size),
        ) from None
    known["Content-Type"] = content_type
    if span is None:
        return web.Response(body=file.data, headers=known)
    known["Content-Range"] = span.content_range(size)
    return web.Response(status=206, body=file.data[span.start : span.stop], headers=known)


def first_byte(response: web.StreamResponse) -> int:
    """Return where what is sent begins in the file."""
    content_range = response.headers.get("Content-Range", "bytes 0-")
    return int(content_range.removeprefix("bytes ").partition("-")[0])
