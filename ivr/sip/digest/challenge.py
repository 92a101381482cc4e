"""Answering the challenges of peers that we call or register at (RFC 7616 section 3.3, RFC 3261 section 22.2)."""

import secrets
from dataclasses import dataclass
from typing import Self

from ivr.sip.digest.credentials import STRONGEST_FIRST, Algorithm, Credentials, digest_params, ha1, response_digest
from ivr.sip.errors import DigestError, ParseError
from ivr.sip.grammar import quote, split_list
from ivr.sip.message import Request, Response


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
        params = digest_params(text)
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
