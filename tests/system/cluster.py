"""A database of the tests' private PostgreSQL, looked into from outside."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import psutil  # type: ignore[import-untyped] # has no types of its own

ASKS_S: Final = 0.2
"""From one look to the next, each of which is a connection of its own."""


class Cluster:
    """One database, and the server's processes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._dsn = url.replace("postgresql+asyncpg", "postgresql")
        self._folder = Path(url.rpartition("host=")[2])

    @classmethod
    def fresh(cls, address: str) -> Self:
        """Make a database without a schema; `address` has `{name}` for its name."""
        name = f"system_{os.getpid()}_{time.monotonic_ns()}"

        async def make() -> None:
            dsn = address.format(name="postgres").replace("postgresql+asyncpg", "postgresql")
            connection = await asyncpg.connect(dsn)
            await connection.execute(f'CREATE DATABASE "{name}"')
            await connection.close()

        asyncio.run(make())
        return cls(address.format(name=name))

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return what a query finds."""

        async def ask() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(self._dsn)
            try:
                return [dict(row) for row in await connection.fetch(query, *values)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def processes(self) -> list[int]:
        """Return the server's processes, the postmaster first."""
        postmaster = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        return [postmaster, *(child.pid for child in psutil.Process(postmaster).children(recursive=True))]
