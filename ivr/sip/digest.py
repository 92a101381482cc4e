"""Digest authentication: hashes, credentials, and answering challenges (RFC 7616, RFC 8760, RFC 3261 section 22).

As a client, `authorize` answers a 401 or 407, SHA-256 before MD5. As a server, see `ivr.sip.authenticator`.
No password, HA1 or response appears in a repr.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from ivr.sip.errors import DigestError, ParseError
from ivr.sip.grammar import quote, split_list, unquote
from ivr.sip.message import Request, Response


class Algorithm(StrEnum):
    """A hash of RFC 8760, spelled as in `algorithm=`."""

    SHA256 = "SHA-256"
    MD5 = "MD5"

    def digest(self, text: str) -> str:
        """Return the lower-case hexadecimal hash of `text`."""
        name = "sha256" if self is Algorithm.SHA256 else "md5"
        return hashlib.new(name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


STRONGEST_FIRST: Final = (Algorithm.SHA256, Algorithm.MD5)


def ha1(username: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """Return H(username:realm:password), what is stored of a device's password; it changes with the realm."""
    return algorithm.digest(f"{username}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One Digest in Authorization or Proxy-Authorization, unverified."""

    username: str
    realm: str
    nonce: str = field(repr=False)
    uri: str
    response: str = field(repr=False)
    algorithm: Algorithm
    qop: str | None = None
    nc: int | None = None
    nc_text: str = ""
    cnonce: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one header value.

        Raises:
            ParseError: another scheme, an algorithm that we never offered, or a parameter missing.
        """
        params = _digest_params(text)
        try:
            algorithm = Algorithm(params.get("algorithm", "MD5").upper())
        except ValueError:
            raise ParseError("Unknown digest algorithm") from None
        missing = {"username", "realm", "nonce", "uri", "response"} - params.keys()
        if missing:
            raise ParseError("Incomplete digest credentials")
        qop = params.get("qop")
        nc_text = params.get("nc", "")
        return cls(
            username=params["username"],
            realm=params["realm"],
            nonce=params["nonce"],
            uri=params["uri"],
            response=params["response"].lower(),
            algorithm=algorithm,
            qop=None if qop is None else qop.lower(),
            nc=_hex(nc_text),
            nc_text=nc_text,
            cnonce=params.get("cnonce", ""),
        )


@dataclass(frozen=True, slots=True)
class Challenge:
    """One Digest challenge we were given."""

    realm: str
    nonce: str
    algorithm: Algorithm
    algorithm_named: bool
    """Whether it named its algorithm; then the answer names it too."""
    auth: bool
    """Whether it offers qop=auth."""
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one WWW-Authenticate or Proxy-Authenticate value.

        Raises:
            ParseError: another scheme, or realm or nonce missing.
            DigestError: an algorithm or quality of protection that we do not have.
        """
        params = _digest_params(text)
        if "realm" not in params or "nonce" not in params:
            raise ParseError("Incomplete digest challenge")
        try:
            algorithm = Algorithm(params.get("algorithm", "MD5").upper())
        except ValueError:
            raise DigestError("no known algorithm in the challenge") from None
        offered = {word.lower() for word in split_list(params.get("qop", ""))}
        if offered and "auth" not in offered:
            raise DigestError("the challenge wants another quality of protection than auth")
        return cls(
            realm=params["realm"],
            nonce=params["nonce"],
            algorithm=algorithm,
            algorithm_named="algorithm" in params,
            auth=bool(offered),
            opaque=params.get("opaque"),
            stale=params.get("stale", "").lower() == "true",
        )

    def answer(
        self, username: str, password: str, method: str, uri: str, *, nc: int = 1, cnonce: str | None = None
    ) -> str:
        """Return the Authorization (or Proxy-Authorization) value.

        Args:
            username: ours at the peer.
            password: ours at the peer, in clear.
            method: the request's.
            uri: the Request-URI as sent.
            nc: how many requests, with this one, have used this nonce.
            cnonce: ours, random when None.
        """
        cnonce = secrets.token_hex(8) if cnonce is None else cnonce
        mine = Credentials(
            username=username,
            realm=self.realm,
            nonce=self.nonce,
            uri=uri,
            response="",
            algorithm=self.algorithm,
            qop="auth" if self.auth else None,
            nc=nc,
            nc_text=f"{nc:08x}",
            cnonce=cnonce,
        )
        secret = ha1(username, self.realm, password, self.algorithm)
        parts = [
            f"Digest username={quote(username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(uri)}",
            f'response="{response_digest(secret, mine, method)}"',
        ]
        if self.algorithm_named:
            parts.append(f"algorithm={self.algorithm}")
        if self.auth:
            parts += [f"cnonce={quote(cnonce)}", "qop=auth", f"nc={nc:08x}"]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        return ", ".join(parts)


def challenges_in(response: Response) -> list[tuple[str, Challenge]]:
    """Return the best challenge of each realm in a 401 or 407 with the header that answers it.

    Raises:
        DigestError: there is none that we can answer.
    """
    best: dict[tuple[str, str], Challenge] = {}
    for asks, answers in (("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")):
        for value in response.headers.lines(asks):
            try:
                challenge = Challenge.parse(value)
            except (ParseError, DigestError):
                continue
            key = (answers, challenge.realm)
            held = best.get(key)
            if held is None or _rank(challenge) < _rank(held):
                best[key] = challenge
    if not best:
        raise DigestError("no digest challenge that we can answer")
    return [(answers, challenge) for (answers, _), challenge in best.items()]


def authorize(
    request: Request, response: Response, *, username: str, password: str, nc: int = 1, cnonce: str | None = None
) -> None:
    """Put into `request` the answers to the challenges in `response`, replacing older ones.

    The caller gives the request a new branch and CSeq before it is sent again (RFC 3261 section 22.2).

    Raises:
        DigestError: there is no challenge that we can answer.
    """
    found = challenges_in(response)
    for header in {header for header, _ in found}:
        request.headers.remove(header)
    for header, challenge in found:
        value = challenge.answer(username, password, request.method, str(request.uri), nc=nc, cnonce=cnonce)
        request.headers.add(header, value)


def _rank(challenge: Challenge) -> int:
    return STRONGEST_FIRST.index(challenge.algorithm)


def response_digest(secret: str, given: Credentials, method: str) -> str:
    """Return the request-digest of RFC 7616 section 3.4.1, or of RFC 2069 for credentials without qop.

    Args:
        secret: the HA1.
        given: everything else but the method.
        method: the request's.
    """
    digest = given.algorithm.digest
    ha2 = digest(f"{method}:{given.uri}")
    if given.qop is None:
        return digest(f"{secret}:{given.nonce}:{ha2}")
    return digest(f"{secret}:{given.nonce}:{given.nc_text}:{given.cnonce}:{given.qop}:{ha2}")


def _digest_params(text: str) -> Mapping[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ParseError("Not a Digest")
    params: dict[str, str] = {}
    for piece in split_list(rest):
        name, equals, value = piece.partition("=")
        key = name.strip().lower()
        if not equals or not key or key in params:
            raise ParseError("Malformed digest parameters")
        params[key] = unquote(value.strip())
    return params


def _hex(text: str) -> int | None:
    if not text or len(text) > 8 or not all(char in "0123456789abcdefABCDEF" for char in text):
        return None
    return int(text, 16)
