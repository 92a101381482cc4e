"""`[retention]`: how long records are kept. Messages follow their mailbox's own rules (row 21)."""

from typing import Annotated

from pydantic import Field

from voicebox.settings.section import Section

Days = Annotated[int, Field(ge=1, le=3650)]


class Retention(Section):
    """How long what is over is remembered."""

    calls_days: Days = 90
    """Records of calls, and the results of sendings whose copies are all gone."""
    outbox_days: Days = 30
    """Mails and the like that were sent or given up."""
