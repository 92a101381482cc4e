"""Who may talk to us: peers by address, phones by digest, and everyone else refused without learning anything.

The rules are security.md's rows 2, 7 and 27. A peer's trust covers INVITE, OPTIONS and requests in a dialog. REGISTER
and SUBSCRIBE are always challenged, and so is an INVITE that carries credentials or comes from a registered phone's
address and port: only a verified digest makes a caller "the own phone", also where phone and PBX share an address.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ivr.peers import Peers
from ivr.sip.admission import Admission
from ivr.sip.digest import STRONGEST_FIRST, Algorithm, Authenticator, Credentials, StoredSecrets, Verdict
from ivr.sip.hops import Source
from ivr.sip.message import Request, Response, response_to
from voicebox.directory import Device
from voicebox.settings.sip import CallSource

ALWAYS_CHALLENGED: Final = frozenset({"REGISTER", "SUBSCRIBE"})
STUMBLING: Final = ("baresip v0.", "baresip v1.")
"""User agents that give up at any challenge but MD5 (libre 1.1.0, Debian 12). `device_md5_only` names others."""
RETRY_AFTER_S: Final = 30
"""What a stranger that knocks too often is told."""

Guest = CallSource | Device
"""Who was let in: a peer or trunk by its address, or a phone by its digest."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that is to be judged by its digest, or challenged where it has none."""

    request: Request
    source: Source
    credentials: Credentials | None


class Gate:
    """Establishes who sent a request that starts something."""

    def __init__(
        self,
        peers: Peers,
        authenticator: Authenticator,
        device_of: Callable[[str, str], Awaitable[Device | None]],
        is_contact: Callable[[str, int], bool],
        admission: Admission | None = None,
    ) -> None:
        """Make one.

        Args:
            peers: who is trusted by address.
            authenticator: of our realm.
            device_of: finds a phone by digest username and realm.
            is_contact: tells whether a registered phone sends from an address and port.
            admission: the rate of strangers.
        """
        self.peers = peers
        self.admission = Admission() if admission is None else admission
        self._authenticator = authenticator
        self._device_of = device_of
        self._is_contact = is_contact

    def glance(self, request: Request, source: Source) -> CallSource | Claim | Response:
        """Return a peer, the response to one who knocks too often, or a claim for `judge`; asks no database."""
        peer = self.peers.find(source.host, source.port)
        known_contact = self._is_contact(source.host, source.port)
        claims_a_phone = (
            known_contact
            or request.method in ALWAYS_CHALLENGED
            or "Authorization" in request.headers
            or "Proxy-Authorization" in request.headers
        )
        if peer is not None and not claims_a_phone:
            return peer
        now = time.monotonic()
        if peer is None and not known_contact and not self.admission.admit(source, now):
            response = response_to(request, 503)
            response.headers.set("Retry-After", str(RETRY_AFTER_S))
            return response
        return Claim(request, source, self._authenticator.credentials_of(request))

    async def judge(self, claim: Claim) -> Device | Response:
        """Return the phone whose digest this is, or the response that challenges or refuses it.

        Raises:
            DatabaseUnavailable: its password cannot be looked up now.
        """
        request, credentials = claim.request, claim.credentials
        if credentials is None:
            # Some phones stumble over two challenges and never answer either: theirs is MD5 alone.
            device = await self._device(_claimed_user(request))
            return self._challenge(request, time.monotonic(), _algorithms(device, request))
        device = await self._device(credentials.username)
        stored = StoredSecrets(device.ha1_md5, device.ha1_sha256) if device is not None else None
        now = time.monotonic()
        match self._authenticator.verify(credentials, request, stored, now):
            case Verdict.GOOD if device is not None:
                return device
            case Verdict.STALE:
                return self._challenge(request, now, _algorithms(device, request), stale=True)
            case _:
                # The same answer for an unknown name and for a wrong password.
                self.admission.offended(claim.source, "digest", now)
                return response_to(request, 403)

    async def _device(self, username: str) -> Device | None:
        # Bytes of no encoding are no name: no database takes them, and no phone of ours has them.
        return await self._device_of(username, self._authenticator.realm) if username.isprintable() else None

    def _challenge(
        self, request: Request, now: float, algorithms: tuple[Algorithm, ...], *, stale: bool = False
    ) -> Response:
        response = response_to(request, 401)
        for value in self._authenticator.challenges(now, algorithms=algorithms, stale=stale):
            response.headers.add("WWW-Authenticate", value)
        return response


def _claimed_user(request: Request) -> str:
    """Return who a request without credentials says it is: only the kind of challenge depends on it."""
    return request.from_.uri.user or ""


def _algorithms(device: Device | None, request: Request) -> tuple[Algorithm, ...]:
    agent = (request.headers.get("User-Agent") or "").lower()
    stumbles = agent.startswith(STUMBLING) or (device is not None and device.md5_only)
    return (Algorithm.MD5,) if stumbles else STRONGEST_FIRST
