"""What must never reach a log: PINs, passwords, digests, tokens (security.md, rows 6 and 29).

I/O-free. Two nets, since either alone has holes: by the name of a field, and by what secrets look like in text (headers
of SIP and HTTP, addresses with a password, SDES keys, stored hashes).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "[redacted]"
TEXT_MAX: Final = 16 * 1024
"""Characters of one value that are kept; a 64 KiB message from the network must not fill the log."""
_DEPTH_MAX: Final = 8
_ITEMS_MAX: Final = 200

# Keys of a dialled PIN are secrets as much as the PIN is; a call's trace has its own rule for them.
_SECRET_WORDS: Final = frozenset(
    {
        *("pin", "pins", "pincode", "passcode", "kennwort", "password", "passwords", "passwd", "pwd"),
        *("secret", "secrets", "token", "tokens", "apikey", "credential", "credentials", "cookie", "cookies", "pepper"),
        *("authorization", "authentication", "digest", "ha1", "dtmf", "keys"),
    }
)
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")

_HEADER: Final = re.compile(
    r"""(?ix) \b ( (?:proxy-)? authorization | authentication-info | (?:set-)? cookie ) (["']?\s*[:=]\s*) [^\r\n]+ """
)
# Only the last word of the name is looked at: matching those before it takes seconds for `a-a-a-…`.
_FIELD: Final = re.compile(
    r"""(?ix) (?<![a-z0-9]) ( pin | pass(?:word|wd|code) | secret | token | ha1 ) (["']?\s*[:=]\s*)
        (?: "[^"]*" | '[^']*' | [^\s,;&)}\]]+ )"""
)
_DIGEST: Final = re.compile(r"""(?ix) \b ( response | cnonce | rspauth ) (\s*=\s*) (?: "[^"]*" | [^\s,;&]+ )""")
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}")
# RFC 4954: the secret follows the mechanism, without a name of its own.
_SMTP_AUTH: Final = re.compile(
    r"(?i)\b(AUTH\s+(?:PLAIN|LOGIN|EXTERNAL|NTLM|GSSAPI|XOAUTH2?|OAUTHBEARER|[A-Z0-9]+-(?:MD5|SHA)[A-Z0-9-]*))(\s+)\S+"
)
_USERINFO: Final = re.compile(r"(://[^\s:/@]*|\bsips?:[^\s:/@;]+)(:)[^\s@/]+(?=@)")
_SDES: Final = re.compile(r"\b(inline)(:)[A-Za-z0-9+/=]{8,}")
_STORED: Final = re.compile(r"\$(argon2(?:id|i|d))(\$)[^\s'\"]+")
_PATTERNS: Final = (_HEADER, _DIGEST, _FIELD, _SCHEME, _SMTP_AUTH, _USERINFO, _SDES, _STORED)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_END: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret: `pin`, `webPassword`, `X-Auth-Token`; not `shipping`."""
    return any(word.lower() in _SECRET_WORDS for word in _WORD.findall(name))


def redact_text(text: str, *, multiline: bool = False) -> str:
    """Return `text` without what looks like a secret, bounded, control characters escaped.

    Line ends are escaped too unless `multiline`, so that nobody forges a log line with a caller's name.
    """
    if len(text) > TEXT_MAX:
        text = f"{text[:TEXT_MAX]}…"
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1\2{HIDDEN}", text)
    control = _CONTROL if multiline else _LINE_END
    return control.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def redact(value: Any, *, multiline: bool = False, depth: int = _DEPTH_MAX) -> Any:
    """Return `value` as a log may hold it: text redacted, mappings by field name, everything bounded."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value, multiline=multiline)
    if isinstance(value, bytes | bytearray | memoryview):
        return redact_text(bytes(value[:TEXT_MAX]).decode("utf-8", "backslashreplace"), multiline=multiline)
    if depth <= 0:
        return "…"
    if isinstance(value, Mapping):
        return redact_fields({str(key): item for key, item in list(value.items())[:_ITEMS_MAX]}, depth=depth - 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth - 1) for item in list(value)[:_ITEMS_MAX]]
    return redact_text(repr(value) if not isinstance(value, BaseException) else str(value), multiline=multiline)


def redact_fields(fields: Mapping[str, Any], *, depth: int = _DEPTH_MAX) -> dict[str, Any]:
    """Return `fields` with secret ones hidden by name and the others redacted; None and booleans stay."""
    return {
        name: HIDDEN
        if is_secret_name(name) and value is not None and not isinstance(value, bool)
        else redact(value, multiline=name in {"exception", "stack"}, depth=depth)
        for name, value in fields.items()
    }
