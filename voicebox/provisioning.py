"""`voicebox apply`: bring a company to what its file says (interfaces.md, "Provisioning").

Idempotent: applying a file again changes nothing. What a file leaves out: values that can be absent (numbers,
addresses, forwards, greetings that came from a file) go; switches, counts, secrets, aliases and what subscribers
recorded stay. Mailboxes and lists that a file does not name stay too; the mailboxes are reported.

For a dry run the transaction runs for show and is undone, so that it sees exactly what a real one does; likewise before
greetings are stored, since nothing at all is written for a file that cannot be applied.
"""

import hashlib
import uuid
from typing import Any, Final

from voicebox.announcement import Master
from voicebox.applied import Applied, Change
from voicebox.clock import Clock
from voicebox.directory_changes import DirectoryUpdate, add_company, find_company
from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError, DirectoryFile, MailboxPlan, greeting_path
from voicebox.directory_prepared import Greeting, NewSecret, Prepared
from voicebox.greeting_file import GreetingRefused
from voicebox.pinhash import PinHasher
from voicebox.pinhistory import PinHistory
from voicebox.storage import audio, provisioned
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.provisioned import Standing
from voicebox.tomllines import KeyPath

__all__ = ["Applied", "Change", "DirectoryError", "DirectoryFile", "Provisioner", "read_directory"]

APPLY_MAX_S: Final = 600.0
"""For one transaction: 10,000 new mailboxes take some 20 s."""
_GREETING_IDS: Final = uuid.UUID("6f4c1c5e-0b6b-4d0e-9b54-3a8f9c0f6a1d")
_GREETING_VERSION: Final = 2
"""Of what mastering makes of a file: a new version makes new audio."""


class _Undo(Exception):  # noqa: N818 - carries a result out of a transaction that is to be undone
    def __init__(self, applied: Applied) -> None:
        super().__init__("a dry run")
        self.applied = applied


class Provisioner:
    """Applies directory files.

    `realm` is that of the phones' digests, `sip.domain`; `master` makes greetings of files, in a process of its own.
    """

    def __init__(
        self, db: Database, store: AudioStore, hasher: PinHasher, clock: Clock, *, realm: str, master: Master
    ) -> None:
        self._db = db
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._realm = realm
        self._master = master

    async def apply(self, file: DirectoryFile, *, dry_run: bool = False) -> Applied:
        """Apply a file in one transaction; return what changed. A dry run returns the same, and changes nothing.

        Raises:
            DirectoryError: it contradicts what the company has already; nothing was changed.
            DatabaseUnavailable: nothing was changed.
            StoreUnavailable: a greeting could not be stored; of the rest nothing was changed.
        """
        prepared = await self._prepare(file)
        rehearsed = None
        if dry_run or prepared.greetings:
            rehearsed = await self._rehearse(file, prepared)
            if dry_run:
                return rehearsed
            await self._store_greetings(file, prepared.greetings)
        applied = await self._db.write(
            lambda connection: self._update(connection, file, prepared).run(), within_s=APPLY_MAX_S
        )
        return rehearsed or applied  # a new company that was made for its greetings was still new when rehearsed

    def _update(self, connection: Any, file: DirectoryFile, prepared: Prepared) -> DirectoryUpdate:
        return DirectoryUpdate(connection, file, prepared, self._realm, self._clock.now())

    async def _rehearse(self, file: DirectoryFile, prepared: Prepared) -> Applied:
        async def work(connection: Any) -> None:
            raise _Undo(await self._update(connection, file, prepared).run())

        try:
            await self._db.write(work, within_s=APPLY_MAX_S)
        except _Undo as undone:
            return undone.applied
        raise AssertionError("unreachable: the work always raises")

    async def _store_greetings(self, file: DirectoryFile, greetings: list[Greeting]) -> None:
        """Put new audio into the store: a row must never name what is not there.

        A crash before the rows are written leaves blobs that the next run writes again; and a company that is new is
        made first, since its audio lies in its own folder.
        """
        now = self._clock.now()

        async def company_id(connection: Any) -> int:
            company = await find_company(connection, file.company.name) or await add_company(connection, file, now)
            return company.id

        owner = await self._db.write(company_id)
        for greeting in greetings:
            greeting.key = await self._store.put(owner, greeting.id, greeting.audio.flac, now)

    async def _prepare(self, file: DirectoryFile) -> Prepared:
        async with self._db.read() as connection:
            company = await find_company(connection, file.company.name)
            known = {} if company is None else await provisioned.standing(connection, company.id)
        prepared = Prepared()
        for index, plan in enumerate(file.mailboxes):
            standing = known.get(plan.entry.number)
            await self._prepare_secrets(plan, standing, prepared)
            for key, data in plan.greetings.items():
                prepared.greeting_ids[plan.entry.number, key] = await self._prepare_greeting(
                    file, data, prepared, greeting_path(index, key)
                )
        for index, wanted in enumerate(file.lists):
            if wanted.recording is not None:
                prepared.list_recordings[wanted.entry.owner, wanted.entry.number] = await self._prepare_greeting(
                    file, wanted.recording, prepared, ("distribution_list", index, "recording")
                )
        return prepared

    async def _prepare_secrets(self, plan: MailboxPlan, standing: Standing | None, prepared: Prepared) -> None:
        history = PinHistory.of(standing.history if standing else ())
        number, entry = plan.entry.number, plan.entry
        if entry.pin is not None:
            present = standing.pin_hash if standing else None
            secret = await self._new_secret(entry.pin, present, history.applied_pin)
            # The file was changed to let its PIN stay; but not if an administrator reset it to another one.
            may_stay = secret is None and entry.pin_is_final and standing is not None and standing.one_time
            if may_stay and await self._hasher.verify(present, entry.pin):
                secret = NewSecret(await self._hasher.hash(entry.pin))
            if secret is not None:
                prepared.pins[number] = secret
        if entry.web_password is not None:
            present = standing.web_password_hash if standing else None
            secret = await self._new_secret(entry.web_password, present, history.applied_web_password)
            if secret is not None:
                prepared.web_passwords[number] = secret

    async def _new_secret(self, secret: str, present: str | None, applied: str | None) -> NewSecret | None:
        """Return what has to be written for a secret of the file; None if the file said the same before."""
        if applied is not None and await self._hasher.verify(applied, secret):
            return None
        if applied is None and present is not None and await self._hasher.verify(present, secret):
            return NewSecret(present, known=True)
        return NewSecret(await self._hasher.hash(secret))

    async def _prepare_greeting(self, file: DirectoryFile, data: bytes, prepared: Prepared, at: KeyPath) -> str:
        """Return the id of a greeting, written at a place of the file; of one that is not stored, make what is."""
        digest = hashlib.sha256(data).hexdigest()
        audio_id = uuid.uuid5(_GREETING_IDS, f"{_GREETING_VERSION}:{file.company.name}:{digest}").hex
        if not any(greeting.id == audio_id for greeting in prepared.greetings) and not await self._is_stored(audio_id):
            try:
                prepared.greetings.append(Greeting(audio_id, await self._master(data)))
            except GreetingRefused as refused:
                raise DirectoryError((file.problem(at, refused.problem, refused.cure),)) from None
        return audio_id

    async def _is_stored(self, audio_id: str) -> bool:
        async with self._db.read() as connection:
            return await audio.get(connection, audio_id) is not None
