"""Ids of calls, takes, messages and audio: random, so that nobody can guess one from another."""

from uuid import uuid4


def new_id() -> str:
    """Return a fresh id: 32 hex digits, 122 random bits."""
    return uuid4().hex
