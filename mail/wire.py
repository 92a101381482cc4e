"""Headers as they go over the wire (RFC 5322, RFC 2047): folded and encoded by us, the rest by the standard library.

The standard library of Python 3.11 drops the quotes when it folds a long display name, so that "Beispiel, Anna, …"
becomes several recipients, and starts a long subject on an empty line. Its older `email.header.Header` does neither,
and here encodes every name that is not plain words, so that nothing in a name can mean anything.
"""

import re
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, Final

LINE_MAX: Final = 76
"""RFC 2047 section 2: a line that holds an encoded word has at most 76 characters."""
_PLAIN_PHRASE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""RFC 5322 section 3.2.5: a phrase of atoms needs no quotes."""
_PLAIN_TEXT: Final = re.compile(r"[\x21-\x7e]+( [\x21-\x7e]+)*")


class WirePolicy(EmailPolicy):
    """The standard SMTP policy, but for subjects and addresses."""

    def fold(self, name: str, value: Any) -> str:
        """Return the header with its name, folded, each line ended by CRLF."""
        match name.lower():
            case "subject":
                return f"{name}: {_text(str(value), len(name) + 2)}\r\n"
            case "from" | "to":
                (address,) = value.addresses
                return f"{name}: {_mailbox(address, len(name) + 2)}\r\n"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return `fold` in bytes; everything is ASCII by then."""
        if name.lower() in {"subject", "from", "to"}:
            return self.fold(name, value).encode("ascii")
        folded: bytes = super().fold_binary(name, value)
        return folded


WIRE: Final = WirePolicy(linesep="\r\n", max_line_length=LINE_MAX, raise_on_defect=False)


def new_mail() -> EmailMessage:
    """Return an empty mail that is written by `WIRE`."""
    return EmailMessage(policy=WIRE)


def _text(text: str, indent: int) -> str:
    if _PLAIN_TEXT.fullmatch(text) and "=?" not in text:
        return _filled(text.split(" "), indent)
    return _encoded(text, indent)


def _mailbox(address: Address, indent: int) -> str:
    name = address.display_name
    if not name:
        return address.addr_spec
    if _PLAIN_PHRASE.fullmatch(name) and "=?" not in name:
        return _filled([*name.split(" "), f"<{address.addr_spec}>"], indent)
    phrase = _encoded(name, indent)
    last = len(phrase.rpartition("\n")[2]) + (0 if "\n" in phrase else indent)
    space = " " if last + len(address.addr_spec) + 3 <= LINE_MAX else "\r\n "
    return f"{phrase}{space}<{address.addr_spec}>"


def _filled(words: list[str], indent: int) -> str:
    """Join words by spaces, going to a new line where the next one would not fit."""
    lines, used = [words[0]], indent + len(words[0])
    for word in words[1:]:
        if used + 1 + len(word) <= LINE_MAX:
            lines[-1] += f" {word}"
            used += 1 + len(word)
        else:
            lines.append(word)
            used = 1 + len(word)
    return "\r\n ".join(lines)


def _encoded(text: str, indent: int) -> str:
    return Header(text, "utf-8", maxlinelen=LINE_MAX - 1, header_name="x" * max(0, indent - 2)).encode(linesep="\r\n")
