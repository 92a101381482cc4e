"""How each route is asked for what is there: ids of a mailbox's objects, bodies, and queries it cannot do without."""

import asyncio
import io
from typing import Any
from urllib.parse import urlencode

import numpy as np
import soundfile

from tests.unit.webmanager.office import Office
from voicebox.distribution import Audience, Dispatch, Distribution
from voicebox.mailbox import Mailbox
from voicebox.message import MessageKind
from webmanager.api.route import Route

UNKNOWN = "0" * 32
BODIES: dict[str, Any] = {
    "/api/v1/messages/{id}/forward": {"to": ["1001"]},
    "/api/v1/mailboxes/{number}": {"copy_email": "anna@example.org"},
}
"""What is sent to the routes that take a body."""


def recorded(length_s: float = 1.0, *, format_: str = "WAV") -> bytes:
    """A file that can be an announcement."""
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(3).normal(0, 0.1, round(8000 * length_s)), 8000, format=format_)
    return file.getvalue()


def place_of(address: str) -> tuple[str, int]:
    """Return host and port of a server's address."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    return host, int(port)


async def opened(
    office: Office, what: str, *headers: str, token: str = "", version: str = "1.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the head of a request as it is, on a connection of its own."""
    reader, writer = await asyncio.open_connection(*place_of(office.browser.address))
    lines = [f"{what} HTTP/{version}", "Host: x", f"Authorization: Bearer {token}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    return reader, writer


def how(route: Route) -> dict[str, Any]:
    """Return how a route is asked: its method, and what is sent with it."""
    sent = {} if route.body is None else {"sent": BODIES[route.path]}
    return {"method": route.method} | sent | ({} if route.file is None else {"sent": recorded()})


def filled(route: Route, *, number: str = "1001", key: str = UNKNOWN, **query: str) -> str:
    """Return a route's path for an object, with the query."""
    path = route.path.replace("{number}", number).replace("{id}", key)
    path = path.replace("{announcement}", "999999" if key == UNKNOWN else key)
    if route.file is not None:
        query = {"name": "Ferien", **query}
    return f"{path}?{urlencode(query)}" if query else path


async def key_of(office: Office, route: Route, owner: Mailbox) -> str:
    """Make an object of a mailbox's for a route to be asked about, and return its id."""
    if "{announcement}" in route.path:
        return str(await office.announcement(owner))
    if "/sendings/" in route.path:
        message = await office.message(owner)
        to = office.foreign if owner.company_id == office.other.id else office.ben
        dispatch = Dispatch(MessageKind.FORWARD, owner, Audience(people=(to,)), None, message)
        return (await Distribution(office.db, office.parts.events, office.clock).send(dispatch)).id
    if "/calls/" in route.path:
        company = office.other if owner.company_id == office.other.id else office.one
        return (await office.call(company, mailbox=owner.number)).id
    return (await office.message(owner, call_id=UNKNOWN)).id
