"""The header fields of a message: an ordered multimap that knows compact forms and lists (RFC 3261 section 7.3)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from ivr.sip.grammar import LINE_BREAK, is_token, split_list

# Spelled as we send them. Names are compared without case, and unknown ones keep the spelling they came with.
KNOWN: Final = (
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Authentication-Info", "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition",
    "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "CSeq", "Date", "Diversion",
    "Error-Info", "Event", "Expires", "From", "History-Info", "In-Reply-To", "Join", "Max-Breadth", "Max-Forwards",
    "MIME-Version", "Min-Expires", "Min-SE", "Organization", "P-Asserted-Identity", "P-Preferred-Identity", "Path",
    "Priority", "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason",
    "Record-Route", "Refer-To", "Referred-By", "Reject-Contact", "Remote-Party-ID", "Replaces", "Reply-To",
    "Request-Disposition", "Require", "Retry-After", "Route", "RSeq", "Server", "Service-Route",
    "Session-Expires", "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported", "User-Agent",
    "Via", "Warning", "WWW-Authenticate",
)  # fmt: skip

# RFC 3261 section 20; 3515 (r), 3841 (a, j, d), 3892 (b), 4028 (x), 4474 (y, n), 6665 (o, u).
COMPACT: Final = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

# Headers whose value is `1#element`. Date and the authentication headers have commas that separate something else.
LISTS: Final = frozenset({
    "accept", "accept-contact", "accept-encoding", "accept-language", "alert-info", "allow", "allow-events",
    "call-info", "contact", "content-encoding", "content-language", "diversion", "error-info", "history-info",
    "in-reply-to", "p-asserted-identity", "p-preferred-identity", "path", "proxy-require", "reason", "record-route",
    "reject-contact", "remote-party-id", "request-disposition", "require", "route", "service-route", "supported",
    "unsupported", "via", "warning",
})  # fmt: skip

T = TypeVar("T")

_NAMES: Final = {name.lower(): name for name in KNOWN}
# Every spelling that is seen often, so that most look-ups fold no case.
_KEYS: Final = (
    {name: name.lower() for name in KNOWN}
    | {key: key for key in _NAMES}
    | COMPACT
    | {short.upper(): key for short, key in COMPACT.items()}
)


def key_of(name: str) -> str:
    """Return the name by which a header is compared: lower case, compact forms written out."""
    key = _KEYS.get(name)
    if key is None:
        key = name.lower()
        key = COMPACT.get(key, key)
    return key


class Headers:
    """Header fields in the order of the wire.

    Values never hold a line break: `add` and its siblings refuse one, so no value can smuggle in another header.
    """

    __slots__ = ("_keys", "_names", "_readings", "_values")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._keys: list[str] = []
        self._names: list[str] = []
        self._values: list[str] = []
        self._readings: dict[str, Any] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def received(cls, lines: Iterable[str]) -> "tuple[Headers, str]":
        """Read the unfolded lines of a message head, and say what is wrong with them ("" when nothing is).

        Malformed lines are left out, so that a refusal can still be addressed by the others. Vias come apart into
        one field each: the top one is then always the first field.
        """
        self = cls()
        keys, names, values = self._keys, self._names, self._values
        fault = ""
        for line in lines:
            name, colon, value = line.partition(":")
            key = _KEYS.get(name)
            if key is None:
                name = name.rstrip(" \t")
                if not colon or not is_token(name):
                    fault = fault or "Malformed header line"
                    continue
                key = key_of(name)
            value = value.strip(" \t")
            if key == "via" and "," in value:
                hops = split_list(value)
                keys += ["via"] * len(hops)
                names += [name] * len(hops)
                values += hops
                continue
            keys.append(key)
            names.append(name)
            values.append(value)
        return self, fault

    def get(self, name: str) -> str | None:
        """Return the first field's whole value (of a list header, perhaps several elements), or None."""
        try:
            return self._values[self._keys.index(key_of(name))]
        except ValueError:
            return None

    def all(self, name: str) -> list[str]:
        """Return every value in order, comma lists split where the header's grammar has them."""
        key = key_of(name)
        if key not in self._keys:
            return []
        found = [value for at, value in zip(self._keys, self._values, strict=True) if at == key]
        if key not in LISTS:
            return found
        return [piece for value in found for piece in split_list(value)]

    def lines(self, name: str) -> list[str]:
        """Return every field's value as it stands, lists unsplit."""
        key = key_of(name)
        return [value for at, value in zip(self._keys, self._values, strict=True) if at == key]

    def read(self, name: str, reader: Callable[[str], T | None]) -> T | None:
        """Return `reader` of the first field's value, None when there is no field; remembered until a change.

        A name has one reader only (the properties of `Message`): what is remembered goes by name.

        Raises:
            ParseError: whatever `reader` raises.
        """
        if name in self._readings:
            return self._readings[name]  # type: ignore[no-any-return] # what its one reader returned
        text = self.get(name)
        value = self._readings[name] = None if text is None else reader(text)
        return value

    def add(self, name: str, value: str) -> None:
        """Append a field.

        Raises:
            ValueError: a line break in the name or value.
        """
        self._insert(len(self._keys), name, value)

    def prepend(self, name: str, value: str) -> None:
        """Put a field before the first of its name (Via, Route, Record-Route), or before all when there is none."""
        key = key_of(name)
        self._insert(self._keys.index(key) if key in self._keys else 0, name, value)

    def set(self, name: str, value: str) -> None:
        """Make `value` the only one of this name, in the place of the first."""
        key = key_of(name)
        if key not in self._keys:
            self.add(name, value)
            return
        at = self._keys.index(key)
        self.remove(name)
        self._insert(at, name, value)

    def remove(self, name: str) -> None:
        """Remove every field of this name, if any."""
        key = key_of(name)
        while key in self._keys:
            self._delete(self._keys.index(key))

    def pop_first(self, name: str) -> str | None:
        """Remove and return the first list element of this name; None when there is none."""
        key = key_of(name)
        if key not in self._keys:
            return None
        at = self._keys.index(key)
        pieces = split_list(self._values[at]) if key in LISTS else [self._values[at]]
        if len(pieces) <= 1:
            self._delete(at)
        else:
            self._values[at] = ", ".join(pieces[1:])
            self._readings.clear()
        return pieces[0] if pieces else ""

    def replace_first(self, name: str, value: str) -> None:
        """Put `value` in the place of the first list element of this name."""
        self.pop_first(name)
        self.prepend(name, value)

    def copy(self) -> "Headers":
        """Return headers that can be changed independently."""
        twin = Headers.__new__(Headers)
        twin._keys = self._keys.copy()  # noqa: SLF001 - the same class
        twin._names = self._names.copy()  # noqa: SLF001
        twin._values = self._values.copy()  # noqa: SLF001
        twin._readings = {}  # noqa: SLF001
        return twin

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (name, value): known names spelled canonically, others as they came."""
        for key, name, value in zip(self._keys, self._names, self._values, strict=True):
            yield _NAMES.get(key, name), value

    def __contains__(self, name: str) -> bool:
        return key_of(name) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._keys == other._keys and self._values == other._values

    __hash__ = None  # type: ignore[assignment] # mutable

    def __repr__(self) -> str:
        # Names only: values hold numbers and digests, and reprs end up in logs.
        return f"Headers({', '.join(self._names)})"

    def _insert(self, at: int, name: str, value: str) -> None:
        if LINE_BREAK.search(value) or LINE_BREAK.search(name) or not name:
            raise ValueError("line break in a header")
        self._keys.insert(at, key_of(name))
        self._names.insert(at, name)
        self._values.insert(at, value)
        self._readings.clear()

    def _delete(self, at: int) -> None:
        del self._keys[at], self._names[at], self._values[at]
        self._readings.clear()
