"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it should, or not for long."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table."""

    name: str
    grade: Grade
    detail: str
    """What was seen."""
    cure: str = ""
    """What to do; empty where all is well."""


def ok(name: str, detail: str) -> Finding:
    """Say that all is well."""
    return Finding(name, Grade.OK, detail)


def warning(name: str, detail: str, cure: str) -> Finding:
    """Say that it works, but should be looked at."""
    return Finding(name, Grade.WARNING, detail, cure)


def failed(name: str, detail: str, cure: str) -> Finding:
    """Say that it does not work."""
    return Finding(name, Grade.FAILED, detail, cure)
