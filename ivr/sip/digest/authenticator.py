"""Challenging and verifying phones by digest (RFC 7616 section 3.3, RFC 8760, RFC 3261 section 22.4).

Challenges offer SHA-256 and MD5, or MD5 alone for phones that mishandle two, and credentials are verified against
stored HA1s. Nonces are stateless: the time they were made, salt, and an HMAC of both. What is remembered is the
highest nonce count of nonces that were used successfully, so that nothing replays and strangers cannot fill memory.

The time comes in as seconds since any epoch, the same one for every call.
"""

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from ivr.sip.digest.credentials import STRONGEST_FIRST, Algorithm, Credentials, response_digest
from ivr.sip.errors import ParseError
from ivr.sip.grammar import quote
from ivr.sip.message import Request
from ivr.sip.uri import Uri, decoded

# Long enough for a phone that answers slowly, short enough that a captured response is soon worthless.
NONCE_LIFE_S: Final = 300.0
# About 1 MB: each entry is a nonce and a counter. Past it, the oldest nonces become stale early, never replayable.
NONCES_MAX: Final = 10_000
_SALT_BYTES: Final = 8
_MAC_BYTES: Final = 16
_NC_MAX: Final = 0xFFFFFFFF


class Verdict(Enum):
    """What an `Authenticator` says of credentials."""

    GOOD = auto()
    STALE = auto()
    """Right password, old or used nonce: challenge again with `stale=True`, the phone will not ask its user."""
    BAD = auto()


@dataclass(frozen=True, slots=True)
class StoredSecrets:
    """A device's HA1s for the realm; one may be missing."""

    ha1_md5: str | None = field(default=None, repr=False)
    ha1_sha256: str | None = field(default=None, repr=False)

    def ha1(self, algorithm: Algorithm) -> str | None:
        """Return the HA1 of this algorithm."""
        return self.ha1_sha256 if algorithm is Algorithm.SHA256 else self.ha1_md5


# Verified against when the user is unknown, so that an unknown name takes the time of a known one.
_NOBODY: Final = StoredSecrets("0" * 32, "0" * 64)


class Authenticator:
    """Challenges and verifies for one realm (the company's). One per process and realm."""

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        nonce_life_s: float = NONCE_LIFE_S,
        salt: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Make one; `secret` is the process's own, at least 16 bytes, so that its nonces are nobody else's."""
        if len(secret) < 16:
            raise ValueError("the nonce secret is too short")
        self.realm = realm
        self._secret = secret
        self._nonce_life_s = nonce_life_s
        self._salt = salt
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._oldest_ms = 0

    def challenges(
        self, now: float, *, algorithms: Sequence[Algorithm] = STRONGEST_FIRST, stale: bool = False
    ) -> list[str]:
        """Return WWW-Authenticate (or Proxy-Authenticate) values, one a header field, the preferred one first.

        Each has the same nonce: a client answers one of them (RFC 8760 section 2.4).
        """
        nonce = self._nonce(now)
        end = ", stale=true" if stale else ""
        return [
            f'Digest realm={quote(self.realm)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{end}'
            for algorithm in algorithms
        ]

    def credentials_of(self, request: Request) -> Credentials | None:
        """Return the request's credentials for our realm, unverified; None when there are none that we can read."""
        for name in ("Authorization", "Proxy-Authorization"):
            for value in request.headers.lines(name):
                try:
                    credentials = Credentials.parse(value)
                except ParseError:
                    continue
                if credentials.realm == self.realm:
                    return credentials
        return None

    def verify(self, credentials: Credentials, request: Request, stored: StoredSecrets | None, now: float) -> Verdict:
        """Judge credentials; `stored` is None for an unknown user, which costs the same and is `BAD`.

        The nonce count is used up by a good verdict only. The digest's `uri` must name the same user as the
        Request-URI; hosts are not compared, since proxies rewrite them.
        """
        expected_ha1 = (stored or _NOBODY).ha1(credentials.algorithm)
        expected = response_digest(expected_ha1 or "", credentials, request.method)
        right = hmac.compare_digest(expected.encode(), credentials.response.encode("utf-8", "surrogateescape"))
        if not right or stored is None or expected_ha1 is None or credentials.qop not in {None, "auth"}:
            return Verdict.BAD
        if not _same_user(credentials.uri, request.uri):
            return Verdict.BAD
        made_ms = self._made_ms(credentials.nonce)
        if made_ms is None:
            # Perhaps from before a restart, and the password is right: let the phone try again by itself.
            return Verdict.STALE
        age_s = now - made_ms / 1000
        if not -1.0 <= age_s <= self._nonce_life_s or made_ms < self._oldest_ms:
            return Verdict.STALE
        return self._use(credentials, now)

    def _use(self, credentials: Credentials, now: float) -> Verdict:
        last = self._counts.get(credentials.nonce, 0)
        if credentials.qop is None:
            # RFC 2069 clients send no count: their nonce is good once.
            count = _NC_MAX
            fresh = last == 0
        else:
            if credentials.nc is None or not credentials.cnonce:
                return Verdict.BAD
            count = credentials.nc
            fresh = count > last
        if not fresh:
            return Verdict.STALE
        self._counts[credentials.nonce] = count
        self._forget(now)
        return Verdict.GOOD

    def _forget(self, now: float) -> None:
        """Drop counts of expired nonces; when full, the oldest, which is stale from then on."""
        while self._counts:
            nonce = next(iter(self._counts))
            made_ms = self._made_ms(nonce) or 0
            full = len(self._counts) > NONCES_MAX
            if not full and now - made_ms / 1000 <= self._nonce_life_s:
                return
            self._counts.popitem(last=False)
            if full:
                self._oldest_ms = max(self._oldest_ms, made_ms + 1)

    def _nonce(self, now: float) -> str:
        content = int(now * 1000).to_bytes(8, "big") + self._salt(_SALT_BYTES)
        return base64.urlsafe_b64encode(content + self._mac(content)).decode()

    def _made_ms(self, nonce: str) -> int | None:
        """Return when we made this nonce, None when it is not ours."""
        try:
            raw = base64.b64decode(nonce.encode(), altchars=b"-_", validate=True)
        except ValueError:
            return None
        content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(content) != 8 + _SALT_BYTES or not hmac.compare_digest(mac, self._mac(content)):
            return None
        return int.from_bytes(content[:8], "big")

    def _mac(self, content: bytes) -> bytes:
        realm = self.realm.encode("utf-8", "surrogateescape")
        return hmac.digest(self._secret, content + realm, "sha256")[:_MAC_BYTES]


def _same_user(text: str, target: Uri) -> bool:
    try:
        named = Uri.parse(text)
    except ParseError:
        return False
    return decoded(named.user or "") == decoded(target.user or "")
