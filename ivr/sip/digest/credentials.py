"""What both roles of digest share: hashes, HA1s, credentials (RFC 7616 section 3.4, RFC 8760)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from ivr.sip.errors import ParseError
from ivr.sip.grammar import split_list, unquote


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
        params = digest_params(text)
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


def digest_params(text: str) -> Mapping[str, str]:
    """Return the parameters behind `Digest`, names in lower case, values unquoted.

    Raises:
        ParseError: another scheme, or a parameter given twice.
    """
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
