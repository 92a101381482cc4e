"""A web side with everything real but the calls: two companies, both with a mailbox 1001, on a port of its own."""

import io
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import numpy as np

from tests.fakes.rows import NOW, StandingClock
from tests.fakes.sounds import stored
from voicebox.announcement import Kind
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.config import Config
from voicebox.errors import RecordingElsewhere
from voicebox.ids import new_id
from voicebox.library import Assembled, Samples
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Message, Reason
from voicebox.storage import announcements, audio, callrecords, mailboxes, messages, tokens
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.tokens import Scope
from webmanager.parts import Check, WebParts


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    body: bytes
    json: Any


class Browser:
    """A program that calls the API."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ask(
        self, path: str, token: str | None = None, *, method: str = "GET", sent: Any = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        body = {} if sent is None else {"data": io.BytesIO(sent)} if isinstance(sent, bytes) else {"json": sent}
        async with self._session.request(
            method, self.address + path, headers=named, allow_redirects=False, **body
        ) as response:
            content = await response.read()
            is_json = response.content_type.endswith("json") and content
            return Answer(
                response.status, response.headers, content, await response.json(content_type=None) if is_json else None
            )


async def no_spool(take_id: str, samples: int) -> Assembled:
    raise RecordingElsewhere(take_id)


async def works() -> None:
    pass


@dataclass
class Office:
    """The web side and what is behind it."""

    parts: WebParts
    store: AudioStore
    clock: StandingClock
    one: Company
    other: Company
    anna: Mailbox
    ben: Mailbox
    foreign: Mailbox
    """1001 of the other company."""
    checks: dict[str, Check] = field(default_factory=dict)
    browser: Browser = field(init=False)

    @property
    def db(self) -> Database:
        return self.parts.db

    async def token(self, scope: Scope, **values: Any) -> str:
        text = f"vb_{secrets.token_urlsafe(32)}"
        await self.db.write(
            lambda connection: tokens.add(connection, text, scope=scope, name="test", now=NOW, **values)
        )
        return text

    async def admin(self, company: Company | None = None) -> str:
        return await self.token(Scope.ADMIN, company_id=(company or self.one).id)

    async def operator(self) -> str:
        return await self.token(Scope.OPERATOR)

    async def owner(self, mailbox: Mailbox | None = None) -> str:
        mailbox = mailbox or self.anna
        return await self.token(Scope.MAILBOX, company_id=mailbox.company_id, mailbox_id=mailbox.id)

    async def message(
        self,
        mailbox: Mailbox | None = None,
        *,
        samples: Samples | None = None,
        rate_hz: int = 8000,
        received_at: datetime = NOW,
        caller: Caller | None = None,
        **values: Any,
    ) -> Message:
        mailbox = mailbox or self.anna
        sound = tone(2.0, rate_hz) if samples is None else samples
        audio_id = await stored(self.db, self.store, mailbox.company_id, sound, rate_hz)
        made = Message(
            id=audio_id,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            audio_id=audio_id,
            caller=caller or Caller("+491701234567", "Kundin"),
            reason=Reason.BUSY,
            received_at=received_at,
            samples=len(sound),
            rate_hz=rate_hz,
        )
        made = replace(made, **values)
        await self.db.write(lambda connection: messages.add(connection, made, NOW))
        return made

    async def greeting(self, mailbox: Mailbox | None = None, kind: Kind = Kind.BUSY, name: str = "Besetzt") -> str:
        """A greeting that plays (an alternative is there to be chosen); return its audio's id."""
        owner = mailbox or self.anna
        audio_id = await stored(self.db, self.store, owner.company_id, tone(2.0))

        async def work(connection: Any) -> None:
            made, _ = await announcements.put_own(connection, owner, name, audio_id, NOW)
            await announcements.choose(connection, owner, kind, name, made.id, now=NOW)
            if kind.plays_in is not None:
                await mailboxes.change_mailbox(connection, owner, {kind.plays_in: audio_id}, NOW)

        await self.db.write(work)
        return audio_id

    async def announcement(self, owner: Mailbox | None = None, *, company: Company | None = None) -> int:
        """An announcement that nobody has chosen, a mailbox's own or (none) the company's; return its id."""
        company_id = owner.company_id if owner is not None else (company or self.one).id
        audio_id = await stored(self.db, self.store, company_id, tone(2.0))
        made = await self.db.write(
            lambda connection: announcements.add(
                connection,
                company_id=company_id,
                mailbox_id=owner.id if owner is not None else None,
                name=f"Ansage {audio_id[:6]}",
                audio_id=audio_id,
                now=NOW,
            )
        )
        return made.id

    async def lost(self, mailbox: Mailbox | None = None, *, broken: bool = False) -> Message:
        """A message whose audio is in no place."""
        mailbox = mailbox or self.anna
        key = new_id()
        made = Message(
            id=key,
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            audio_id=key,
            caller=Caller(None),
            reason=Reason.BUSY,
            received_at=NOW,
            samples=16000,
            rate_hz=8000,
        )

        async def work(connection: Any) -> None:
            await audio.add(
                connection, audio_id=key, company_id=mailbox.company_id, samples=16000, rate_hz=8000, now=NOW
            )
            if broken:
                await audio.failed(connection, key, "nothing in it", broken=True)
            await messages.add(connection, made, NOW)

        await self.db.write(work)
        return made

    async def call(
        self,
        company: Company | None = None,
        *,
        mailbox: str | None = "1001",
        ended_s: float = 0,
        trace: list[dict[str, Any]] | None = None,
    ) -> CallRecord:
        made = CallRecord(
            id=new_id(),
            company_id=(company or self.one).id,
            mailbox=mailbox,
            caller="+491701234567",
            called="1001",
            reason=Reason.BUSY if mailbox else Reason.PORTAL,
            deflected_by=mailbox,
            started=NOW - timedelta(seconds=20),
            answered=NOW - timedelta(seconds=19),
            ended=NOW + timedelta(seconds=ended_s),
            rtp=RtpFigures(received=950, lost=2, jitter_ms=1.5, sent=990),
            trace=trace
            or [
                {"t": 0.001, "event": "decision", "to": "mailbox", "mailbox": "1001"},
                {"t": 0.52, "event": "prompt", "id": "greeting-unavailable"},
            ],
        )
        await self.db.write(lambda connection: callrecords.add(connection, made))
        return made


def tone(seconds: float, rate_hz: int = 8000) -> Samples:
    """A tone that climbs, so that every place in it sounds different."""
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    found: Samples = (8000 * np.sin(2 * np.pi * (300 + 100 * at) * at)).astype(np.int16)
    return found


def config_of(tmp_path: Path, **web: Any) -> Config:
    values = {"data_dir": str(tmp_path), "web": {"listen": "127.0.0.1:0", **web}}
    return Config.model_validate(values, context={"base": tmp_path})
