"""Sends the mails that the outbox asks for, each exactly once as far as SMTP can tell.

It wakes when a deposit wrote a row, and looks now and then for rows that other processes wrote or that failed before.
A few mails are on their way at a time, so one slow server session holds up no other. What a crash leaves behind is
due again when its lease ends; the mail is then composed to the same bytes, under the same Message-ID.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, Protocol

from mail.compose import compose, envelope_recipient
from mail.errors import AudioNotReady, PermanentFailure, TemporaryFailure, UnknownOutcome
from mail.invitation import Invitation
from mail.letter import Letter, Sender
from mail.notice import Notice
from mail.outgoing import AUDIO_PAUSE_MAX_S, AUDIO_PAUSE_S, KINDS, LEASE_S, Outgoing
from mail.smtp import MailTransport
from voicebox.backoff import doubled_s
from voicebox.errors import DatabaseUnavailable, NoAudio, StoreUnavailable
from voicebox.events import Event, Events, OutboxGrew
from voicebox.metrics import MailResult, Metrics
from voicebox.storage.outbox import Entry

AT_A_TIME: Final = 4
"""Mails on their way together: enough to outlast slow answers, few enough for any server's limit per client."""
LOOK_AGAIN_S: Final = 5.0
"""For rows of other processes, and for a database that was away."""


class Mp3(Protocol):
    """Makes a message's recording, in its pieces, one MP3 file (`AudioLibrary.mp3`)."""

    async def __call__(self, *audio_ids: str) -> bytes:
        """Return the file.

        Raises:
            NoAudio: there is nothing to play, and never will be.
            StoreUnavailable: the store is away, or the recording is still with the node that took it.
            Exception: not now.
        """
        ...


logger = logging.getLogger(__name__)


class Notifier:
    """Sends mails while `run` is running."""

    def __init__(
        self,
        outgoing: Outgoing,
        transport: MailTransport,
        mp3: Mp3,
        sender: Sender,
        *,
        events: Events,
        metrics: Metrics | None = None,
    ) -> None:
        self._outgoing = outgoing
        self._transport = transport
        self._mp3 = mp3
        self._sender = sender
        self._events = events
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._finishing = False
        self._under_way: set[asyncio.Task[None]] = set()
        # Taken by the server, but the database went away before the row could be closed: never sent twice for that.
        self._taken: dict[int, Letter | Notice | Invitation] = {}

    async def run(self) -> None:
        """Send what is due; runs until cancelled, which cuts off mails on their way: `finish` comes before."""
        unsubscribe = self._events.subscribe(self._on_event)
        try:
            async with asyncio.TaskGroup() as group:
                under_way = self._under_way
                while True:
                    self._wake.clear()
                    for entry in await self._claimed(AT_A_TIME - len(under_way)):
                        task = group.create_task(self._deliver(entry))
                        under_way.add(task)
                        task.add_done_callback(under_way.discard)
                        task.add_done_callback(lambda _: self._wake.set())
                    woken = await self._pause(busy=self._finishing or len(under_way) >= AT_A_TIME)
                    if not woken and not under_way:
                        await self._transport.rest()
        finally:
            unsubscribe()
            await self._transport.rest()

    async def finish(self, within_s: float) -> None:
        """Begin no further mail, and give those on their way time for the server's answer.

        A mail that is cut off between its text and the 250 would come twice.
        """
        self._finishing = True
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=within_s)

    async def send_due(self) -> int:
        """Send everything that is due now, once, and return how many mails that were."""
        count = 0
        while entries := await self._outgoing.claim(AT_A_TIME):
            count += len(entries)
            async with asyncio.TaskGroup() as group:
                for entry in entries:
                    group.create_task(self._deliver(entry))
        await self._transport.rest()
        return count

    def _on_event(self, event: Event) -> None:
        if isinstance(event, OutboxGrew) and event.kind in KINDS:
            self._wake.set()

    async def _claimed(self, limit: int) -> list[Entry]:
        """Claim what is due; a look that costs no write comes first. A database that is away is asked again later."""
        if limit <= 0 or self._finishing:
            return []
        try:
            if await self._outgoing.next_due_s() == 0:
                claimed = await self._outgoing.claim(limit)
                return [] if self._finishing else claimed  # due again when the lease ends
        except DatabaseUnavailable as error:
            logger.warning("mails wait for the database: %s", error)
        return []

    async def _pause(self, *, busy: bool) -> bool:
        """Wait for a reason to look again: an event or a mail that ended (True), or the time for it (False)."""
        wait_s = LOOK_AGAIN_S
        if not busy:
            with contextlib.suppress(DatabaseUnavailable):
                due_s = await self._outgoing.next_due_s()
                # Due already, yet not claimed: another node was quicker, or more came since. Not at once, then.
                wait_s = LOOK_AGAIN_S if due_s is None else min(LOOK_AGAIN_S, max(0.05, due_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        return self._wake.is_set()

    async def _deliver(self, entry: Entry) -> None:
        """Bring one mail to an end: sent, given up, or due again later. Never raises but on cancellation."""
        began = time.monotonic()
        try:
            try:
                async with self._kept(entry):
                    sent = await self._send(entry)
            except PermanentFailure as error:
                self._count(MailResult.PERMANENT, began)
                await self._outgoing.refused(entry, str(error))
            except AudioNotReady as error:
                pause_s = doubled_s(entry.attempts, first_s=AUDIO_PAUSE_S, most_s=AUDIO_PAUSE_MAX_S)
                await self._outgoing.postponed(entry, str(error), pause_s=pause_s)
            except (TemporaryFailure, UnknownOutcome) as error:
                unknown = isinstance(error, UnknownOutcome)
                self._count(MailResult.UNKNOWN if unknown else MailResult.TEMPORARY, began)
                logger.warning("mail %s was not delivered (attempt %d): %s", entry.key, entry.attempts, error)
                await self._outgoing.postponed(entry, str(error))
            else:
                if sent:
                    self._count(MailResult.SENT, began)
        except DatabaseUnavailable as error:
            logger.warning("mail %s is looked at again when the database is back: %s", entry.key, error)
        except Exception as error:  # a bug in one mail must not end the others; it is tried again, ever more rarely
            logger.exception("mail %s failed", entry.key)
            with contextlib.suppress(DatabaseUnavailable):
                await self._outgoing.postponed(entry, f"{type(error).__name__} (see the log)")

    async def _send(self, entry: Entry) -> bool:
        """Send a mail and close its row; False if there is nothing left to send.

        Raises:
            DeliveryError, DatabaseUnavailable: it stays in the queue.
        """
        letter = self._taken.get(entry.id)
        if letter is None:
            asked = await self._outgoing.letter(entry)
            if asked is None:
                logger.info("mail %s is dropped: its message is gone", entry.key)
                await self._outgoing.delivered(entry, None)
                return False
            letter = whole = await self._with_audio(asked) if isinstance(asked, Letter) else asked
            recipient = envelope_recipient(letter)
            text = await asyncio.to_thread(lambda: compose(whole, self._sender).as_bytes())
            await self._transport.send(self._sender.address, recipient, text)
            self._taken[entry.id] = letter
        await self._outgoing.delivered(entry, letter)
        del self._taken[entry.id]
        logger.info("mail %s was taken by the mail server", entry.key)
        return True

    async def _with_audio(self, letter: Letter) -> Letter:
        """Return the letter with its recording where it wants one.

        Raises:
            AudioNotReady: it cannot be read now.
        """
        if not letter.wants_audio:
            return letter
        try:
            return replace(letter, mp3=await self._mp3(*letter.message.audio_ids))
        except NoAudio:
            return replace(letter, audio_lost=True)
        except (StoreUnavailable, DatabaseUnavailable) as error:
            logger.warning("mail %s waits for its recording: %s", letter.key, error)
            raise AudioNotReady(f"the recording cannot be read now: {error}") from error
        except Exception as error:  # the spool, an encoder: whichever, the mail waits for it
            logger.warning("the recording for mail %s cannot be read now", letter.key, exc_info=True)
            raise AudioNotReady(f"the recording cannot be read now ({type(error).__name__})") from error

    @contextlib.asynccontextmanager
    async def _kept(self, entry: Entry) -> AsyncIterator[None]:
        """Renew the lease while the mail takes its time."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(LEASE_S / 3)
                with contextlib.suppress(DatabaseUnavailable):
                    await self._outgoing.renew(entry)

        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    def _count(self, result: MailResult, began: float) -> None:
        if self._metrics is not None:
            self._metrics.mail(result, time.monotonic() - began)
