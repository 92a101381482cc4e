"""The languages voicebox speaks and writes."""

from enum import StrEnum


class Language(StrEnum):
    """A language of prompts, mails and pages."""

    DE = "de"
    EN = "en"
