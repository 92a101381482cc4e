"""API tokens, by their SHA-256: a token is 256 random bits, so a fast hash is enough and a stolen database no key."""

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebox.storage.tables import api_token


class Scope(StrEnum):
    """What a token may do."""

    ADMIN = "admin"
    """Everything in its company."""
    OPERATOR = "operator"
    """Everything in every company."""
    MAILBOX = "mailbox"
    """Its mailbox only."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as stored; the token itself is known to its holder only."""

    id: int
    company_id: int | None
    mailbox_id: int | None
    scope: Scope
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_COLUMNS: Final = [api_token.c[f.name] for f in fields(Token)]
_FIND: Final = select(*_COLUMNS).where(
    api_token.c.token_sha256 == bindparam("digest"),
    api_token.c.revoked_at.is_(None),
    or_(api_token.c.expires_at.is_(None), api_token.c.expires_at > bindparam("now")),
)


def digest(token: str) -> str:
    """Return what is stored of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def add(
    connection: AsyncConnection,
    token: str,
    *,
    scope: Scope,
    name: str,
    now: datetime,
    company_id: int | None = None,
    mailbox_id: int | None = None,
    expires_at: datetime | None = None,
) -> Token:
    """Write a new token; raises ValueError where the scope and what it is for do not fit."""
    if (scope is Scope.MAILBOX) != (mailbox_id is not None) or (scope is Scope.OPERATOR) != (company_id is None):
        raise ValueError("a mailbox token names its mailbox, an operator token no company")
    values = {
        "company_id": company_id,
        "mailbox_id": mailbox_id,
        "token_sha256": digest(token),
        "scope": scope,
        "name": name,
        "created_at": now,
        "expires_at": expires_at,
    }
    return _to_token((await connection.execute(insert(api_token).values(values).returning(*_COLUMNS))).one())


async def find(connection: AsyncConnection, token: str, now: datetime) -> Token | None:
    """Return what a presented token is good for; None if it is unknown, expired or revoked."""
    row = (await connection.execute(_FIND, {"digest": digest(token), "now": now})).one_or_none()
    return None if row is None else _to_token(row)


async def page(connection: AsyncConnection, company_id: int | None) -> list[Token]:
    """List a company's tokens (None: the operators'), the oldest first."""
    whose = api_token.c.company_id.is_(None) if company_id is None else api_token.c.company_id == company_id
    statement = select(*_COLUMNS).where(whose).order_by(api_token.c.id)
    return [_to_token(row) for row in await connection.execute(statement)]


async def revoke(connection: AsyncConnection, token_id: int, now: datetime) -> bool:
    """Make a token worthless from now on; False if it was already."""
    statement = (
        update(api_token).where(api_token.c.id == token_id, api_token.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return bool((await connection.execute(statement)).rowcount)


def _to_token(row: Any) -> Token:
    values = list(row)
    values[3] = Scope(values[3])
    return Token(*values)
