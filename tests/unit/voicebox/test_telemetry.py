"""The log's shape and what never appears in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from voicebox.settings import Log, LogFormat, LogLevel
from voicebox.telemetry import set_up_logging

PIN = "274913"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_entry_is_one_line_of_json_with_time_level_and_logger() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    structlog.get_logger("ivr.engine").info("call answered", call="ab12", caller="Müller\nforged line")
    (entry,) = entries(stream)
    assert entry["event"] == "call answered"
    assert entry["level"] == "info"
    assert entry["logger"] == "ivr.engine"
    assert entry["time"].endswith("Z")
    assert entry["caller"] == r"Müller\x0aforged line"


def test_standard_library_loggers_take_the_same_way() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    logging.getLogger("aiohttp.server").warning("odd %s", "request", extra={"password": PIN})
    (entry,) = entries(stream)
    assert entry["event"] == "odd request"
    assert entry["logger"] == "aiohttp.server"
    assert entry["password"] == "[redacted]"


def test_bound_context_is_in_every_entry() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    with structlog.contextvars.bound_contextvars(call="ab12"):
        logging.getLogger("x").error("one")
        structlog.get_logger("y").error("two")
    assert [entry["call"] for entry in entries(stream)] == ["ab12", "ab12"]


def test_level_holds_for_both_kinds_of_logger() -> None:
    stream = io.StringIO()
    set_up_logging(Log(level=LogLevel.WARNING), stream)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("a").warning("yes")
    assert [entry["event"] for entry in entries(stream)] == ["yes"]


def test_set_up_twice_writes_once() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    set_up_logging(stream=stream)
    logging.getLogger("x").warning("once")
    assert len(entries(stream)) == 1


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_exception_is_logged_without_secrets_and_without_locals(log_format: LogFormat) -> None:
    stream = io.StringIO()
    set_up_logging(Log(format=log_format), stream)
    typed = PIN
    try:
        int(f"refused Authorization: Digest response={len(typed)}, pin={typed}")
    except ValueError:
        structlog.get_logger("x").exception("login failed", pin=typed)
        logging.getLogger("y").exception("login failed")
    text = stream.getvalue()
    assert text.count("ValueError: invalid literal") == 2
    assert "Traceback" in text
    assert "test_telemetry.py" in text
    assert PIN not in text


def test_terminal_gets_readable_lines_and_a_file_gets_json() -> None:
    terminal = Terminal()
    set_up_logging(stream=terminal)
    logging.getLogger("x").warning("hello")
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert "\x1b[" in terminal.getvalue()


def test_console_without_a_terminal_has_no_colours_and_no_forged_escape() -> None:
    stream = io.StringIO()
    set_up_logging(Log(format=LogFormat.CONSOLE), stream)
    structlog.get_logger("x").warning("caller", name="\x1b[2Jgone")
    assert "\x1b" not in stream.getvalue()


def test_unusual_values_do_not_break_a_line() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    deep: list[Any] = []
    deep.append(deep)
    structlog.get_logger("x").info("odd", a=b"\xff\x00", b={1: {"pin": PIN}}, c={1, 2}, d=object(), e=deep, f="\ud800")
    (entry,) = entries(stream)
    assert entry["b"] == {"1": {"pin": "[redacted]"}}
    assert entry["a"] == r"\xff\x00"
