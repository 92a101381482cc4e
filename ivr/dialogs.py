"""Who takes the requests of each dialog: legs, and the sides of calls that are passed on (RFC 3261 section 12)."""

from typing import Protocol

from ivr.sip.dialog import DialogId
from ivr.sip.message import Request
from ivr.sip.transaction import ServerTransaction


class Party(Protocol):
    """One side of a dialog."""

    def receive(self, tx: ServerTransaction, request: Request) -> None:
        """Take a request of the peer within this dialog."""
        ...

    def acked(self, request: Request) -> None:
        """Take the ACK to one of our 2xx."""
        ...


class Dialogs:
    """All dialogs of calls, by their id."""

    def __init__(self) -> None:
        self._parties: dict[DialogId, Party] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._parties)

    def add(self, key: DialogId, party: Party) -> None:
        """Hand requests of a dialog to this party from now on."""
        self._parties[key] = party

    def remove(self, key: DialogId) -> None:
        """Forget a dialog: whoever still asks in it is told 481."""
        self._parties.pop(key, None)

    def find(self, request: Request) -> Party | None:
        """Return whom a request within a dialog is for."""
        return self._parties.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
