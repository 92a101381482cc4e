"""What an operator sees of a running process: its log on standard error, and its figures (`voicebox.metrics`).

One pipeline for our own loggers and everyone else's: level, time in UTC, redaction, then JSON or, at a terminal,
coloured lines. Redaction comes last before the rendering, so nothing is added behind its back. Tracebacks are plain
text: the pretty ones print local variables, and a local variable may be a PIN.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from voicebox.metrics import CONTENT_TYPE, CallResult, MailResult, Metrics
from voicebox.redaction import redact_fields
from voicebox.settings.log import Log, LogFormat

__all__ = ["CONTENT_TYPE", "CallResult", "MailResult", "Metrics", "redacted", "set_up_logging"]


def redacted(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Hide secrets in a log entry; structlog's own fields start with an underscore and stay."""
    own = {name: value for name, value in event_dict.items() if name.startswith("_")}
    return {**redact_fields({n: v for n, v in event_dict.items() if n not in own}), **own}


def set_up_logging(settings: Log | None = None, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error), replacing what was set up before."""
    settings = settings or Log()
    stream = stream or sys.stderr
    console = settings.format is LogFormat.CONSOLE or (settings.format is LogFormat.AUTO and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redacted,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    logging.captureWarnings(capture=True)
