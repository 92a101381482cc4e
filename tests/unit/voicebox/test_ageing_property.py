"""Row 21: whatever happens to messages and whenever the process dies, sound that is referred to is there, no other is.

Random histories of leaving, saving, deleting, restoring and copying messages, greetings set and taken away, days that
pass, and nights that are cut short anywhere.
"""

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from tests.unit.voicebox.test_ageing import Archive, an_archive
from voicebox.ageing import Ageing
from voicebox.message import Message
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.tables import audio as audio_table
from voicebox.storage.tables import mailbox as mailbox_table
from voicebox.storage.tables import message as message_table
from voicebox.storage.tables import message_segment

STEPS = 60


class DiedError(Exception):
    """The process is gone at this very point."""


class Mortal:
    """Does what the real one does, so many times; before or after the last one it dies."""

    def __init__(self, archive: Archive, chance: random.Random) -> None:
        self._left = chance.randrange(1, 12)
        self._after = chance.random() < 0.5
        self.db, self.store = _Dying(archive.db, self), _Dying(archive.store, self)

    async def call(self, real: Any, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise DiedError
        result = await real(*args, **kwargs)
        if self._left == 0:
            raise DiedError
        return result


class _Dying:
    """A database or a store whose changes may be the last thing that happens."""

    def __init__(self, real: Any, mortal: Mortal) -> None:
        self._real = real
        self._mortal = mortal

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"write", "delete"}:
            return real

        async def called(*args: Any, **kwargs: Any) -> Any:
            return await self._mortal.call(real, *args, **kwargs)

        return called


class History:
    """What happens to an archive, by chance."""

    def __init__(self, archive: Archive, chance: random.Random) -> None:
        self.archive = archive
        self.chance = chance
        self.messages: list[Message] = []

    async def step(self) -> None:
        archive, chance = self.archive, self.chance
        owner = chance.choice((archive.anna, archive.ben))
        match chance.choice(("leave", "save", "save", "delete", "restore", "copy", "greet", "days", "night", "crash")):
            case "leave":
                self.messages.append(await archive.message(owner))
            case "save" if self.messages:
                await self._inbox().save(self.of.id)
            case "delete" if self.messages:
                await self._inbox().delete(self.of.id)
            case "restore" if self.messages:
                await self._inbox().restore(self.of.id)
            case "copy" if self.messages:
                await self._copy(owner)
            case "greet":
                sound = await archive.sound() if chance.random() < 0.6 else None
                await archive.set(owner, **{chance.choice(("busy_greeting", "name_recording")): sound})
            case "days":
                archive.days(chance.choice((0.3, 1, 3, 8, 15)))
            case "night":
                await archive.ageing.catch_up()
            case "crash":
                mortal = Mortal(archive, chance)
                ageing: Any = Ageing
                with suppress(DiedError):
                    await ageing(
                        mortal.db,
                        mortal.store,
                        archive.ageing._keep,
                        events=archive.events,
                        clock=archive.clock,
                        spool=archive.spool,
                    ).catch_up()

    def _inbox(self) -> Any:
        self.of = self.chance.choice(self.messages)
        owner = self.archive.anna if self.of.mailbox_id == self.archive.anna.id else self.archive.ben
        return self.archive.inbox(owner)

    async def _copy(self, owner: Any) -> None:
        """Send a message on, with a comment, if it is there still."""
        source = self.chance.choice(self.messages)
        if await self.archive.state(source) is None:
            return
        copy = await self.archive.message(owner, of=source.audio_id)
        self.messages.append(copy)
        comment = await self.archive.sound()
        values = {"message_id": copy.id, "position": 0, "company_id": owner.company_id, "audio_id": comment}
        await self.archive.do(lambda connection: connection.execute(insert(message_segment).values(values)))


async def referred_to(archive: Archive) -> set[str]:
    columns = (
        *(message_table.c.audio_id, message_segment.c.audio_id),
        *(mailbox_table.c.busy_greeting, mailbox_table.c.name_recording),
    )
    async with archive.db.read() as connection:
        found = [row[0] for column in columns for row in await connection.execute(select(column))]
    return {each for each in found if each is not None}


async def check(archive: Archive) -> None:
    """Fail if sound that is referred to lacks its row or its file."""
    wanted = await referred_to(archive)
    async with archive.db.read() as connection:
        rows = {row[0] for row in await connection.execute(select(audio_table.c.id))}
    files = {path.stem for path in archive.folder.rglob("*.flac")}
    assert wanted <= rows <= files


@pytest.fixture
async def archive(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    async with await Database.open(sqlite_url) as opened:
        yield await an_archive(opened, tmp_path)


@pytest.mark.parametrize("seed", range(25))
async def test_row_21_referenced_sound_stays_and_all_other_goes_in_the_end(
    archive: Archive, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.ageing.BATCH", 2)
    chance = random.Random(seed)
    history = History(archive, chance)
    for _ in range(STEPS):
        await history.step()
        await check(archive)
    # In the end nothing but what is referred to is left: first with some of it, then with nothing.
    for _ in range(2):
        archive.days(50)
        await archive.ageing.catch_up()
        wanted = await referred_to(archive)
        assert {path.stem for path in archive.folder.rglob("*.flac")} == wanted
        await archive.set(archive.anna, busy_greeting=None, name_recording=None)
        await archive.set(archive.ben, busy_greeting=None, name_recording=None)

        async def forget(connection: AsyncConnection) -> None:
            await connection.execute(delete(message_table))

        await archive.do(forget)
    archive.days(2)
    await archive.ageing.catch_up()
    assert list(archive.folder.rglob("*.flac")) == []
