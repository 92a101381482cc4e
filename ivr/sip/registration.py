"""Our own registration at a PBX or trunk (RFC 3261 section 10.2). No input or output.

`request` builds the next REGISTER, `receive` takes its final response and says how long to wait before the next one.
"""

from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from ivr.sip.dialog import MAX_FORWARDS, new_tag
from ivr.sip.digest import authorize, challenges_in
from ivr.sip.errors import DigestError, ParseError
from ivr.sip.grammar import number
from ivr.sip.headers import Headers
from ivr.sip.message import Request, Response
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.backoff import doubled_s

RETRY_FIRST_S: Final = 5.0
RETRY_MOST_S: Final = 300.0
"""A registrar that is down for long is asked every five minutes; its customers' calls wait for it."""
REFRESH_SHARE: Final = 0.8
"""When of the granted time we refresh: early enough for a few tries."""
ANSWERS_MAX: Final = 3
"""Challenges answered in a row: wrong credentials would otherwise loop."""


@dataclass(frozen=True, slots=True)
class Account:
    """How we are known at a registrar."""

    registrar: Uri
    username: str
    password: str
    contact: str
    """Our Contact URI."""
    expires_s: int = 3600

    def __repr__(self) -> str:
        return f"Account({self.username!r} at {self.registrar})"


class RegistrationClient:
    """One registration and its refreshes."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.registered = False
        self.last_error = ""
        """Status and phrase of the last failure, for logs and the admin."""
        self._call_id = token_hex(16)
        self._tag = new_tag()
        self._cseq = 0
        self._expires_s = account.expires_s
        self._challenge: Response | None = None
        self._answers = 0
        self._failures = 0

    def request(self, *, leave: bool = False) -> Request:
        """Build the next REGISTER, with credentials where it was challenged; `leave` removes our binding."""
        self._cseq += 1
        account = self.account
        # The Request-URI of a REGISTER names the domain only (section 10.2).
        registrar = Uri(account.registrar.scheme, host=account.registrar.host, port=account.registrar.port)
        address = Uri(account.registrar.scheme, user=escaped(account.username), host=account.registrar.host)
        headers = Headers()
        headers.add("Max-Forwards", str(MAX_FORWARDS))
        headers.add("From", f"<{address}>;tag={self._tag}")
        headers.add("To", f"<{address}>")
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} REGISTER")
        headers.add("Contact", f"<{account.contact}>")
        headers.add("Expires", "0" if leave else str(self._expires_s))
        request = Request("REGISTER", registrar, headers)
        if self._challenge is not None:
            authorize(request, self._challenge, username=account.username, password=account.password)
            self._challenge = None
        return request

    def receive(self, response: Response) -> float:
        """Take the final response; return the seconds until the next request."""
        status = response.status
        if status in {401, 407} and self._answers < ANSWERS_MAX:
            try:
                challenges_in(response)
            except DigestError as error:
                return self.failed(str(error))
            self._challenge = response
            self._answers += 1
            return 0.0
        self._answers = 0
        if 200 <= status < 300:
            self.registered = True
            self._failures = 0
            self.last_error = ""
            return max(self._granted_s(response) * REFRESH_SHARE, 1.0)
        if status == 423:
            least = number(response.headers.get("Min-Expires") or "", most=86_400)
            if least is not None and least > self._expires_s:
                self._expires_s = least
                return 0.0
        wait_s = self.failed(f"{status} {response.reason}")
        asked_s = number((response.headers.get("Retry-After") or "").partition(";")[0].strip(), most=2**31) or 0
        return max(wait_s, min(float(asked_s), RETRY_MOST_S))

    def failed(self, error: str) -> float:
        """Take in that there was no answer, or none that helps; return the seconds until the next request."""
        self.registered = False
        self.last_error = error
        self._failures += 1
        return doubled_s(self._failures, first_s=RETRY_FIRST_S, most_s=RETRY_MOST_S)

    def _granted_s(self, response: Response) -> int:
        """Return the time granted: of our contact, else the header, else what we asked for (section 10.2.4)."""
        others: list[int] = []
        for text in response.headers.all("Contact"):
            try:
                contact = NameAddr.parse(text)
                ours = contact.uri.equivalent(Uri.parse(self.account.contact))
            except ParseError:
                continue
            granted = number(contact.params.get("expires") or "", most=2**31)
            if ours and granted:
                return granted
            if granted:
                others.append(granted)
        # A border controller writes its own address into our Contact: then the shortest of all is safe.
        return response.expires or min(others, default=self._expires_s)
