"""The digests by which a phone proves its password, so that the password is never stored (RFC 7616, RFC 8760)."""

import hashlib
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Ha1:
    """H(username ":" realm ":" password) of RFC 7616 section 3.4.2, in hexadecimal, for both algorithms in use.

    Bound to its realm: when the realm changes, every device needs its password again.
    """

    md5: str
    sha256: str

    @classmethod
    def of(cls, username: str, realm: str, password: str) -> Self:
        """Digest a device's password."""
        text = f"{username}:{realm}:{password}".encode()
        return cls(hashlib.md5(text, usedforsecurity=False).hexdigest(), hashlib.sha256(text).hexdigest())
