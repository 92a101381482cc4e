"""Many keys in a few questions: a database takes only so many at once."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

KEYS_MAX: Final = 500
"""Keys in one question: below the parameters that SQLite and PostgreSQL allow, and few enough to be planned quickly."""


def in_batches(keys: Sequence[T]) -> Iterator[list[T]]:
    """Yield the keys in lists of at most `KEYS_MAX`, in their order; nothing where there are none."""
    for at in range(0, len(keys), KEYS_MAX):
        yield list(keys[at : at + KEYS_MAX])
