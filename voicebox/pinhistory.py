"""A credential's history: hashes of earlier PINs, and what `apply` set last.

A PIN in a directory file is set once. When its owner changes it, applying the same file again must not bring it back;
so the file's own PIN and web password are remembered, as hashes too, for as long as the mailbox lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from voicebox.passcode import RECENT_PINS

_APPLIED_PIN: Final = "applied-pin:"
_APPLIED_WEB: Final = "applied-web:"


@dataclass(frozen=True, slots=True)
class PinHistory:
    """What is known of a mailbox's earlier secrets."""

    earlier: tuple[str, ...] = ()
    """Hashes of earlier PINs, the newest first; with the present one, `RECENT_PINS`."""
    applied_pin: str | None = None
    """The hash of the PIN that a directory file set last."""
    applied_web_password: str | None = None
    """Likewise of the web password."""

    @classmethod
    def of(cls, stored: Sequence[str]) -> Self:
        """Read a history as it is stored."""
        return cls(
            tuple(entry for entry in stored if not entry.startswith((_APPLIED_PIN, _APPLIED_WEB))),
            next((entry.removeprefix(_APPLIED_PIN) for entry in stored if entry.startswith(_APPLIED_PIN)), None),
            next((entry.removeprefix(_APPLIED_WEB) for entry in stored if entry.startswith(_APPLIED_WEB)), None),
        )

    @property
    def stored(self) -> list[str]:
        """The form in which it is stored."""
        return [
            *self.earlier,
            *([_APPLIED_PIN + self.applied_pin] if self.applied_pin else []),
            *([_APPLIED_WEB + self.applied_web_password] if self.applied_web_password else []),
        ]

    def after(self, pin_hash: str | None) -> Self:
        """Return the history once the PIN of this hash is replaced; None: there was none."""
        if pin_hash is None:
            return self
        return replace(self, earlier=(pin_hash, *self.earlier)[: RECENT_PINS - 1])
