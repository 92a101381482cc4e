"""One writer for SQLite: units of work that wait at the same time share a transaction, and so its sync.

SQLite allows one writer; with `synchronous=FULL` each commit waits for the disk, some milliseconds. So one task takes
all units that are waiting, runs each in a savepoint (a failing one is undone alone), commits once, and only then tells
the waiters. While that commit waits for the disk, the next group gathers by itself; no timer is needed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from voicebox.errors import DatabaseUnavailable
from voicebox.storage.faults import translated, why_unavailable

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

WAITING_MAX: Final = 2000
"""Units waiting for the writer. At 1 ms each that is 2 s behind: more means that the disk has stopped."""
GROUP_MAX: Final = 64
"""Units in one transaction: the first waiter's answer comes with the last one's."""
UNIT_MAX_S: Final = 15.0
"""A unit of work waits for nothing but the database; one that hangs must not hold all others."""
DRAIN_MAX_S: Final = 10.0

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Unit:
    work: Work[Any]
    done: asyncio.Future[Any]
    within_s: float
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.done.done():  # the waiter was cancelled
            return
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


class GroupCommit:
    """The writer of one SQLite file. `engine` must be in AUTOCOMMIT mode: the transactions are made here."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[_Unit] = deque()
        self._wake = asyncio.Event()
        self._connection: AsyncConnection | None = None
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="sqlite-writer")

    async def submit(self, work: Work[T], *, within_s: float = UNIT_MAX_S) -> T:
        """Run a unit of work in a transaction; returns its result after the commit.

        A unit that takes longer than `within_s` is undone, with all that shared its transaction.

        Raises:
            DatabaseUnavailable: nothing was written.
            Exception: whatever the work raised; nothing of it was written.
        """
        if self._closing:
            raise DatabaseUnavailable("the database is closed")
        if len(self._waiting) >= WAITING_MAX:
            raise DatabaseUnavailable("too much is waiting to be written")
        if asyncio.current_task() is self._task:
            raise RuntimeError("a unit of work cannot wait for another one: pass the connection on")
        unit = _Unit(work, asyncio.get_running_loop().create_future(), within_s)
        self._waiting.append(unit)
        self._wake.set()
        result: T = await unit.done
        return result

    async def close(self) -> None:
        """Write what is waiting, then close the connection."""
        self._closing = True
        self._wake.set()
        try:
            async with asyncio.timeout(DRAIN_MAX_S):
                await self._task
        except TimeoutError:  # the task is cancelled with the wait; what was left is told below
            logger.exception("closing the database: %d units of work were not written", len(self._waiting))
        finally:  # also where this wait is cancelled, and the task with it
            while self._waiting:
                unit = self._waiting.popleft()
                unit.error = DatabaseUnavailable("the database was closed")
                unit.tell()
            await self._drop_connection()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            group: list[_Unit] = []
            while self._waiting and len(group) < GROUP_MAX:
                unit = self._waiting.popleft()
                if not unit.done.cancelled():
                    group.append(unit)
            if group:
                await self._write(group)

    async def _write(self, group: list[_Unit]) -> None:
        """Run a group in one transaction and tell every waiter."""
        try:
            with translated(connecting=True):
                connection = await self._connect()
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            with translated():
                if len(group) == 1:
                    await self._run_alone(connection, group[0])
                else:
                    for unit in group:
                        await self._run_in_savepoint(connection, unit)
                if any(unit.error is None for unit in group):
                    await connection.exec_driver_sql("COMMIT")
                else:
                    await connection.exec_driver_sql("ROLLBACK")
        except Exception as error:  # noqa: BLE001 - the transaction is lost, and every waiter is told why
            await self._drop_connection()
            for unit in group:
                unit.error = error
        except asyncio.CancelledError:
            await self._drop_connection()
            for unit in group:
                unit.error = DatabaseUnavailable("the database was closed")
                unit.tell()
            raise
        for unit in group:
            unit.tell()

    async def _run_alone(self, connection: AsyncConnection, unit: _Unit) -> None:
        try:
            async with asyncio.timeout(unit.within_s):
                unit.result = await unit.work(connection)
        except Exception as error:  # noqa: BLE001 - a job ends here; its waiter gets the error
            _raise_if_lost(error, unit.within_s)
            unit.error = error

    async def _run_in_savepoint(self, connection: AsyncConnection, unit: _Unit) -> None:
        await connection.exec_driver_sql("SAVEPOINT unit")
        await self._run_alone(connection, unit)
        if unit.error is not None:
            await connection.exec_driver_sql("ROLLBACK TO unit")
        await connection.exec_driver_sql("RELEASE unit")

    async def _connect(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _drop_connection(self) -> None:
        """Close the connection, whatever state it is in; SQLite undoes what it had not committed."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.invalidate()
            await connection.close()
        except Exception as error:  # noqa: BLE001 - it is being thrown away because it is broken
            logger.warning("closing a broken connection: %s", type(error).__name__)


def _raise_if_lost(error: Exception, within_s: float) -> None:
    """Raise again what concerns the whole transaction: the disk is full, the file has gone, the unit hung."""
    if isinstance(error, TimeoutError):
        raise DatabaseUnavailable(f"a unit of work took longer than {within_s:.0f} s") from error
    if why_unavailable(error) is not None:
        raise error
