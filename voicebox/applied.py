"""What applying a directory file did, for people and for programs."""

from dataclasses import dataclass

from voicebox.directory_entries import SECRET_KEYS

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed."""

    subject: str
    """As in "mailbox 1001"."""
    field: str
    """The key; empty where the subject itself is new."""
    before: Value = None
    after: Value = None
    """Of a secret never the value."""

    def __str__(self) -> str:
        if not self.field:
            return f"{self.subject}: added"
        if self.field in SECRET_KEYS:
            return f"{self.subject}: {self.field} set"
        if self.before is None:
            return f"{self.subject}: {self.field} set to {_said(self.after)}"
        if self.after is None:
            return f"{self.subject}: {self.field} {_said(self.before)} removed"
        return f"{self.subject}: {self.field} changed from {_said(self.before)} to {_said(self.after)}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a file did, or would do."""

    changes: tuple[Change, ...]
    not_in_file: tuple[str, ...]
    """Extensions that the company has and the file does not name: they stay."""


def _said(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
