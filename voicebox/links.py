"""Links in mails that need no sign-in, since only who has the mail has them: signed, and good for a while only.

Their secrets are made from the installation's key, never stored: not in the database, not in the outbox.
"""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

LISTEN_FOR: Final = timedelta(days=3)
"""How long a link to a recording leads somewhere: over a weekend, and not for ever."""


class Links:
    """Makes and checks links to `public_url`, by the key of the installation."""

    def __init__(self, key: bytes, public_url: str, *, reachable: bool = True) -> None:
        """Derive a key of our own, so that a signature tells nothing of what else the key is for.

        `reachable` says whether anybody but this machine gets there; where not, no mail offers to listen there.
        """
        self._key = hmac.digest(key, b"voicebox links", "sha256")
        self._url = public_url.rstrip("/")
        self._reachable = reachable

    def confirmation_token(self, address_id: int, asked_at: datetime) -> str:
        """Return the secret of one asking for one address: 43 characters."""
        return self._signed(f"confirm|{address_id}|{_stamp(asked_at)}")

    def confirmation_url(self, token: str) -> str:
        """Return where an address is confirmed."""
        return f"{self._url}/confirm/{token}"

    def listen_url(self, message_id: str, written_at: datetime) -> str | None:
        """Return where a message can be heard until three days after its mail; None where nobody would get there."""
        if not self._reachable:
            return None
        until = _stamp(written_at + LISTEN_FOR)
        return f"{self._url}/listen/{message_id}/{until}/{self._signed(f'listen|{message_id}|{until}')}"

    def may_listen(self, message_id: str, until: str, signature: str, now: datetime) -> bool:
        """Tell whether such a link is ours, and still good."""
        right = self._signed(f"listen|{message_id}|{until}")
        if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogatepass")):
            return False
        return int(until) > int(_stamp(now))

    def _signed(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _stamp(moment: datetime) -> str:
    """Return a moment as whole milliseconds: what survives any database."""
    return str(round(moment.astimezone(UTC).timestamp() * 1000))
