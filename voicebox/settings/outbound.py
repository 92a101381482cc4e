"""`[outbound]`: what may be dialled out."""

from typing import Annotated

from pydantic import AfterValidator, Field

from voicebox.addresses import SettingError
from voicebox.settings.section import Section


def _prefix(text: str) -> str:
    """Return an allow-list prefix: a plus sign and digits; spaces and hyphens between them are dropped."""
    plain = text.replace(" ", "").replace("-", "")
    if not plain.startswith("+") or not (plain[1:].isascii() and plain[1:].isdigit()):
        raise SettingError(
            f"{text!r} is not an international prefix", 'Write a plus sign and digits, such as "+49" or "+49211".'
        )
    return plain


Prefix = Annotated[str, AfterValidator(_prefix)]


class Outbound(Section):
    """The one policy for zero-out, call back and forwarding (security.md, row 3)."""

    peer: str | None = None
    """The name of a peer or trunk; None means that only registered phones are reached."""
    show_caller: bool | None = None
    """Whether From names the caller; None is yes for a peer and no for a trunk: most refuse numbers of others."""
    extensions: bool | None = None
    """Whether the peer has telephones without a mailbox here, dialled by extension; None is yes for a peer, and no for
    a trunk, where short numbers are somebody's to be paid for."""
    allow: tuple[Prefix, ...] = ()
    """International prefixes; empty is internal only."""
    max_calls: Annotated[int, Field(ge=0)] = 10
    daily_budget_min: Annotated[int, Field(ge=0)] = 600
