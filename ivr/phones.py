"""The phones that registered with us: where they are, kept over restarts (RFC 3261 section 10)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary

import structlog

from ivr.sip import registrar
from ivr.sip.hops import Hop, Source, Transport
from ivr.sip.message import Request, Response, response_to
from voicebox.clock import Clock
from voicebox.directory import Binding, Device, Directory
from voicebox.errors import DatabaseUnavailable

log = structlog.get_logger("voicebox.ivr.phones")


@dataclass(frozen=True, slots=True)
class _Phone:
    """A binding, and the way to it."""

    binding: registrar.Binding
    hop: Hop


class Phones:
    """The registrar's bindings, in memory for every call and in the database for the next start."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._bindings: dict[str, tuple[registrar.Binding, ...]] = {}
        self._owners: dict[str, int] = {}
        self._of_mailbox: dict[int, dict[str, tuple[_Phone, ...]]] = {}
        self._at: dict[tuple[str, int], dict[str, float]] = {}
        """By address: when the bindings of each address of record there expire."""
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def load(self) -> None:
        """Read what a former process left; to be called before the first REGISTER."""
        found: dict[str, list[Binding]] = {}
        for stored in await self._directory.bindings(self._clock.now()):
            found.setdefault(stored.aor, []).append(stored)
        for aor, bindings in found.items():
            self._take(aor, bindings[0].mailbox_id, tuple(_from_stored(each) for each in bindings))

    def is_contact(self, host: str, port: int) -> bool:
        """Tell whether a registered phone sends from this address."""
        there = self._at.get((host, port))
        return there is not None and max(there.values()) > self._now()

    def count(self) -> int:
        """Return how many phones are registered."""
        now = self._now()
        return sum(binding.expires_at > now for bindings in self._bindings.values() for binding in bindings)

    def of_mailbox(self, mailbox_id: int) -> list[tuple[str, Hop]]:
        """Return the contact URI and the way to each phone of a mailbox."""
        now = self._now()
        return [
            (phone.binding.contact, phone.hop)
            for phones in self._of_mailbox.get(mailbox_id, {}).values()
            for phone in phones
            if phone.binding.expires_at > now
        ]

    def path_to(self, mailbox_id: int, contact: str) -> tuple[str, ...]:
        """Return the proxies on the way to a phone of a mailbox, as it registered (RFC 3327), the next one first."""
        return next(
            (
                phone.binding.path
                for phones in self._of_mailbox.get(mailbox_id, {}).values()
                for phone in phones
                if phone.binding.contact == contact
            ),
            (),
        )

    async def register(self, request: Request, source: Source, device: Device) -> Response:
        """Answer an authenticated REGISTER; what it changed is stored before it is confirmed.

        Raises:
            DatabaseUnavailable: it could not be stored.
        """
        aor = f"sip:{device.username}@{device.realm}"
        if request.to.uri.user not in {device.username, device.number}:
            # Someone else's address of record.
            return response_to(request, 403)
        if not all(text.isprintable() for text in (request.call_id, *map(str, request.contact))):
            # Bytes of no encoding: no database takes them.
            return response_to(request, 400, "Text of no known encoding")
        # One after the other: two phones of a number that register at once must not undo each other.
        async with self._lock(aor):
            before = self._bindings.get(aor, ())
            done = registrar.register(before, request, str(source), self._now())
            if done.changed:
                await self._store(aor, device, before, done.bindings)
                self._take(aor, device.mailbox_id, done.bindings)
        return done.response

    async def tidy(self) -> None:
        """Forget the phones whose time has passed; called now and then."""
        now = self._now()
        for aor in [aor for aor, known in self._bindings.items() if any(each.expires_at <= now for each in known)]:
            async with self._lock(aor):
                known = self._bindings.get(aor, ())
                live = tuple(binding for binding in known if binding.expires_at > now)
                for binding in set(known) - set(live):
                    try:
                        await self._directory.remove_binding(aor, binding.contact)
                    except DatabaseUnavailable:
                        # Its row is stale, and no start reads stale rows.
                        log.info("stale_binding_left", aor=aor)
                if aor in self._owners:
                    self._take(aor, self._owners[aor], live)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _lock(self, aor: str) -> asyncio.Lock:
        return self._changing.setdefault(aor, asyncio.Lock())

    def _take(self, aor: str, mailbox_id: int, bindings: tuple[registrar.Binding, ...]) -> None:
        """Put these bindings in the place of what was known of an address of record."""
        if aor in self._owners:
            for phone in self._of_mailbox.get(self._owners[aor], {}).pop(aor, ()):
                place = (phone.hop.host, phone.hop.port)
                there = self._at.get(place, {})
                there.pop(aor, None)
                if not there:
                    self._at.pop(place, None)
        if not bindings:
            self._bindings.pop(aor, None)
            owner = self._owners.pop(aor, None)
            if owner is not None and not self._of_mailbox.get(owner):
                self._of_mailbox.pop(owner, None)
            return
        self._bindings[aor] = bindings
        self._owners[aor] = mailbox_id
        phones = tuple(_Phone(binding, hop) for binding in bindings if (hop := _hop(binding.source)) is not None)
        self._of_mailbox.setdefault(mailbox_id, {})[aor] = phones
        for phone in phones:
            there = self._at.setdefault((phone.hop.host, phone.hop.port), {})
            there[aor] = max(there.get(aor, 0.0), phone.binding.expires_at)

    async def _store(
        self, aor: str, device: Device, before: Iterable[registrar.Binding], after: tuple[registrar.Binding, ...]
    ) -> None:
        for binding in before:
            if all(binding.contact != each.contact for each in after):
                await self._directory.remove_binding(aor, binding.contact)
        for binding in after:
            if binding not in before:
                await self._directory.save_binding(
                    Binding(
                        company_id=device.company_id,
                        mailbox_id=device.mailbox_id,
                        aor=aor,
                        contact=binding.contact,
                        call_id=binding.call_id,
                        cseq=binding.cseq,
                        expires_at=datetime.fromtimestamp(binding.expires_at, UTC),
                        source=binding.source,
                        path=", ".join(binding.path) or None,
                        user_agent=binding.user_agent or None,
                    )
                )


def _from_stored(stored: Binding) -> registrar.Binding:
    return registrar.Binding(
        contact=stored.contact,
        call_id=stored.call_id,
        cseq=stored.cseq,
        expires_at=stored.expires_at.timestamp(),
        source=stored.source,
        user_agent=stored.user_agent or "",
        path=tuple((stored.path or "").split(", ")) if stored.path else (),
    )


def _hop(source: str) -> Hop | None:
    """Read `udp:192.0.2.7:5062` or `tcp:[::1]:5060` back."""
    transport, _, rest = source.partition(":")
    host, _, port = rest.rpartition(":")
    try:
        return Hop(Transport(transport), host.strip("[]"), int(port))
    except ValueError:
        log.warning("binding_without_a_way", source=source)
        return None
