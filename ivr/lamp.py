"""The message light of phones: subscriptions answered, NOTIFYs sent (RFC 3842, RFC 6665).

Every NOTIFY carries the full state, so a lost one is mended by the next; a phone that is registered without having
subscribed, and a peer configured so, is told unasked. What is shown for a mailbox is always the newest state: while a
NOTIFY is under way, later changes wait, and only the last of them is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Final

import structlog

from ivr.phones import Phones
from ivr.sip.dialog import DialogId
from ivr.sip.endpoint import Endpoint
from ivr.sip.hops import Hop, Source
from ivr.sip.message import Request, Response, response_to
from ivr.sip.subscription import Subscription, accept, refresh, refusal, summary, unsolicited
from voicebox.directory import Device
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Mailbox
from voicebox.message import Counts
from voicebox.settings.sip import Sip

log = structlog.get_logger("voicebox.ivr.lamp")

WATCHERS_MAX: Final = 20
"""Subscriptions of one mailbox: a phone that crashes and subscribes anew leaves old ones until they expire."""
NOTIFY_TIMEOUT_S: Final = 8.0
"""A phone on the same network answers in milliseconds; a light that waits for a dead one is late for the others."""

CountsOf = Callable[[int], Awaitable[Counts | None]]
"""What the light of a mailbox shows; None when the mailbox is gone."""


class _Watcher:
    """One subscription and where its phone is."""

    __slots__ = ("hop", "next", "owed", "sending", "subscription")

    def __init__(self, subscription: Subscription, hop: Hop) -> None:
        self.subscription = subscription
        self.hop: Hop | None = None
        self.sending = asyncio.Lock()
        self.next: bytes | None = None
        self.owed = False
        """Whether a NOTIFY could not be sent, since the state was not known."""
        self.heard_from(hop)

    def heard_from(self, hop: Hop) -> None:
        """Answer to where the phone was heard from last, through any NAT, unless proxies want to be on the way."""
        self.hop = None if self.subscription.dialog.route_set else hop


class Lamp:
    """Shows each mailbox's state on the phones that watch it."""

    def __init__(self, endpoint: Endpoint, phones: Phones, sip: Sip, counts_of: CountsOf) -> None:
        self._endpoint = endpoint
        self._phones = phones
        self._sip = sip
        self._counts_of = counts_of
        self._watchers: dict[int, dict[DialogId, _Watcher]] = {}
        self._mailbox_of: dict[DialogId, int] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def account(self) -> str:
        """The URI that phones dial for their messages."""
        return f"sip:{self._sip.portal[0]}@{self._sip.domain}" if self._sip.portal else f"sip:{self._sip.domain}"

    def subscriptions(self) -> int:
        """Return how many subscriptions are live."""
        return len(self._mailbox_of)

    # -- subscriptions

    def subscribe(self, request: Request, source: Source, device: Device) -> tuple[Response, _Watcher | None]:
        """Answer a SUBSCRIBE of an authenticated phone; the watcher returned wants its first NOTIFY (`greet`).

        Raises:
            ParseError: its Record-Route cannot be read.
        """
        refused = refusal(request)
        if refused is not None:
            return refused, None
        if request.uri.user not in {device.number, device.username} and request.to.uri.user != device.number:
            # A foreign mailbox (security.md, row 11).
            return response_to(request, 403), None
        hop = source.hop
        subscription, response = accept(request, self._endpoint.contact(hop, device.number), self._loop.time())
        watcher = _Watcher(subscription, hop)
        watchers = self._watchers.setdefault(device.mailbox_id, {})
        while len(watchers) >= WATCHERS_MAX:
            oldest = next(iter(watchers))
            self._forget(device.mailbox_id, oldest)
        watchers[subscription.dialog.id] = watcher
        self._mailbox_of[subscription.dialog.id] = device.mailbox_id
        return response, watcher

    def knows(self, request: Request) -> bool:
        """Tell whether a SUBSCRIBE belongs to a live subscription."""
        return _dialog_of(request) in self._mailbox_of

    def resubscribe(self, request: Request, source: Source, device: Device) -> tuple[Response, _Watcher | None]:
        """Answer a SUBSCRIBE of an authenticated phone within its dialog, as `subscribe` does."""
        key = _dialog_of(request)
        mailbox_id = self._mailbox_of.get(key)
        if mailbox_id is None:
            return response_to(request, 481), None
        if mailbox_id != device.mailbox_id:
            return response_to(request, 403), None
        watcher = self._watchers[mailbox_id][key]
        if not watcher.subscription.dialog.receive(request):
            return response_to(request, 500, "CSeq out of order"), None
        watcher.heard_from(source.hop)
        return refresh(watcher.subscription, request, self._loop.time()), watcher

    async def greet(self, watcher: _Watcher) -> None:
        """Send the NOTIFY that follows every SUBSCRIBE at once (RFC 6665 section 4.2.1.2).

        While the database is away nobody knows what to say: then the phone is owed it (`tidy`).
        """
        mailbox_id = self._mailbox_of.get(watcher.subscription.dialog.id)
        if mailbox_id is None:
            return
        try:
            counts = await self._counts_of(mailbox_id)
        except DatabaseUnavailable:
            watcher.owed = True
            return
        watcher.owed = False
        await self._notify(mailbox_id, watcher, summary(counts or Counts(0, 0, 0, 0), self.account))

    async def tidy(self) -> None:
        """End the subscriptions whose time has passed, and send what is owed; called now and then."""
        now = self._loop.time()
        waiting = [
            watcher
            for watchers in self._watchers.values()
            for watcher in watchers.values()
            if watcher.owed or watcher.subscription.expires_at <= now
        ]
        # Side by side: each may take until its phone is given up.
        await asyncio.gather(*(self.greet(watcher) for watcher in waiting))

    # -- showing

    async def show(self, mailbox: Mailbox, counts: Counts) -> bool:
        """Show a mailbox's state everywhere; False when someone who should know it could not be told."""
        body = summary(counts, self.account)
        async with asyncio.TaskGroup() as group:
            told = [
                group.create_task(self._notify(mailbox.id, watcher, body))
                for watcher in list(self._watchers.get(mailbox.id, {}).values())
            ]
            told += [group.create_task(self._tell(contact, hop, body)) for contact, hop in self._unsubscribed(mailbox)]
            for peer in (*self._sip.peer, *self._sip.trunk):
                if target := peer.mwi_target(mailbox.number):
                    told.append(group.create_task(self._tell(target, None, body)))
        return all(task.result() for task in told)

    async def show_phone(self, contact: str, hop: Hop, mailbox_id: int) -> None:
        """Tell a phone that has just registered, unless it subscribes anyway."""
        try:
            counts = await self._counts_of(mailbox_id)
        except DatabaseUnavailable:
            # It is told with the next change, or when it registers again.
            return
        if counts is not None and not self._watchers.get(mailbox_id):
            await self._tell(contact, hop, summary(counts, self.account))

    def _unsubscribed(self, mailbox: Mailbox) -> list[tuple[str, Hop]]:
        """Return the registered phones of a mailbox from whose address nobody subscribed."""
        watching = {
            (watcher.hop.host, watcher.hop.port)
            for watcher in self._watchers.get(mailbox.id, {}).values()
            if watcher.hop is not None
        }
        return [
            (contact, hop)
            for contact, hop in self._phones.of_mailbox(mailbox.id)
            if (hop.host, hop.port) not in watching
        ]

    async def _notify(self, mailbox_id: int, watcher: _Watcher, body: bytes) -> bool:
        watcher.next = body
        async with watcher.sending:
            if watcher.next is not body:
                # A newer state waits behind us; it says all that this one would.
                return True
            now = self._loop.time()
            ended = "timeout" if watcher.subscription.expires_at <= now else ""
            if ended:
                # First of all: a SUBSCRIBE that comes meanwhile must hear that this one is over.
                self._forget(mailbox_id, watcher.subscription.dialog.id)
            request = watcher.subscription.notify(body, now, ended=ended)
            response = await self._endpoint.request(request, watcher.hop, timeout_s=NOTIFY_TIMEOUT_S)
        if response.status in {404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}:
            # The subscriber is gone (RFC 6665 section 4.2.2): nobody is left to be told.
            self._forget(mailbox_id, watcher.subscription.dialog.id)
            return True
        return response.status < 300

    async def _tell(self, target: str, hop: Hop | None, body: bytes) -> bool:
        sender = self.account
        request = unsolicited(target, sender, token_hex(16), body)
        response = await self._endpoint.request(request, hop, timeout_s=NOTIFY_TIMEOUT_S)
        # 481 and 489 are a phone's way to say that it wants no unasked NOTIFY: there is nothing to try again.
        return response.status < 300 or (400 <= response.status < 500 and response.status != 408)

    def _forget(self, mailbox_id: int, key: DialogId) -> None:
        self._mailbox_of.pop(key, None)
        watchers = self._watchers.get(mailbox_id, {})
        watchers.pop(key, None)
        if not watchers:
            self._watchers.pop(mailbox_id, None)


def _dialog_of(request: Request) -> DialogId:
    return (request.call_id, request.to.tag or "", request.from_.tag or "")
