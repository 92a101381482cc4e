"""voicebox: a telephone voicemail service. This package holds the rules, the use cases and the storage."""

__version__ = "0.1.0"
