"""Digest authentication in both roles (RFC 7616, RFC 8760 for SHA-256 in SIP, RFC 3261 section 22).

As a server, an `Authenticator` challenges with SHA-256 and MD5 and verifies against stored HA1s. As a client,
`authorize` answers a 401 or 407, SHA-256 before MD5. No password, HA1 or response appears in a repr.
"""

from ivr.sip.digest.authenticator import NONCE_LIFE_S, Authenticator, StoredSecrets, Verdict
from ivr.sip.digest.challenge import Challenge, authorize, challenges_in
from ivr.sip.digest.credentials import STRONGEST_FIRST, Algorithm, Credentials, ha1

__all__ = [
    "NONCE_LIFE_S",
    "STRONGEST_FIRST",
    "Algorithm",
    "Authenticator",
    "Challenge",
    "Credentials",
    "StoredSecrets",
    "Verdict",
    "authorize",
    "challenges_in",
    "ha1",
]
