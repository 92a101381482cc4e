"""The phones that registered with us: where they are, kept over restarts (RFC 3261 section 10)."""

from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from ivr.sip import registrar
from ivr.sip.errors import ParseError
from ivr.sip.hops import Hop, Source, Transport
from ivr.sip.message import Request, Response, response_to
from voicebox.clock import Clock
from voicebox.directory import Binding, Device, Directory

log = structlog.get_logger("voicebox.ivr.phones")


class Phones:
    """The registrar's bindings, in memory for every call and in the database for the next start."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._bindings: dict[str, tuple[registrar.Binding, ...]] = {}
        self._owners: dict[str, Device | tuple[int, int]] = {}
        self._addresses: set[tuple[str, int]] = set()

    async def load(self) -> None:
        """Read what a former process left; to be called before the first REGISTER."""
        for stored in await self._directory.bindings(self._clock.now()):
            known = self._bindings.get(stored.aor, ())
            self._bindings[stored.aor] = (*known, _from_stored(stored))
            self._owners[stored.aor] = (stored.company_id, stored.mailbox_id)
        self._recount()

    def is_contact(self, host: str, port: int) -> bool:
        """Tell whether a registered phone sends from this address."""
        return (host, port) in self._addresses

    def count(self) -> int:
        """Return how many phones are registered."""
        now = self._clock.now().timestamp()
        return sum(binding.expires_at > now for bindings in self._bindings.values() for binding in bindings)

    def of_mailbox(self, mailbox_id: int) -> list[tuple[str, Hop]]:
        """Return the contact URI and the way to each phone of a mailbox."""
        now = self._clock.now().timestamp()
        return [
            (binding.contact, hop)
            for aor, owner in self._owners.items()
            if _mailbox_of(owner) == mailbox_id
            for binding in self._bindings.get(aor, ())
            if binding.expires_at > now and (hop := _hop(binding.source)) is not None
        ]

    async def register(self, request: Request, source: Source, device: Device) -> Response:
        """Answer an authenticated REGISTER; what it changed is stored before it is confirmed.

        Raises:
            DatabaseUnavailable: it could not be stored.
        """
        aor = f"sip:{device.username}@{device.realm}"
        if request.to.uri.user not in {device.username, device.number}:
            # Someone else's address of record.
            return response_to(request, 403)
        before = self._bindings.get(aor, ())
        done = registrar.register(before, request, str(source), self._clock.now().timestamp())
        if done.changed:
            await self._store(aor, device, before, done.bindings)
            self._bindings[aor] = done.bindings
            self._owners[aor] = device
            self._recount()
        return done.response

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

    def _recount(self) -> None:
        self._addresses = {
            (hop.host, hop.port)
            for bindings in self._bindings.values()
            for binding in bindings
            if (hop := _hop(binding.source)) is not None
        }


def _mailbox_of(owner: Device | tuple[int, int]) -> int:
    return owner.mailbox_id if isinstance(owner, Device) else owner[1]


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
    except (ValueError, ParseError):
        log.warning("binding_without_a_way", source=source)
        return None
