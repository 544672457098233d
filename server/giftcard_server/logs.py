"""JSON logs on standard error; codes and e-mail addresses are redacted as a last resort."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

SUMMARY_SECONDS: Final = 10.0
# The logger whose messages are lines already, which are written as they are.
CALLS: Final = "giftcard_server.calls"
# A text that looks like a code, grouped or not, or like an e-mail address. Ids are in lower case
# hex, so that they are not mistaken for codes.
_SECRETS: Final = re.compile(
    r"\b[0-9A-HJKMNP-TV-Z]{4}(?:[ -]?[0-9A-HJKMNP-TV-Z]{4}){3}\b|[^@\s\"']+@[^@\s\"']+"
)


def redact(_logger: object, _method: str, line: str) -> str:
    """Replace what looks like a code or an e-mail address in a finished line.

    This is a backstop: no log call passes either.
    """
    return _SECRETS.sub("[redacted]", line)


def _without_texts_of_errors(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an error by where it came from, without its text, also in what libraries log."""
    error = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = where(error)
    return event


def configure(level: str, worker: int | None = None) -> None:
    """Write all log events, also those of libraries, to standard error as JSON lines.

    With several workers, each line has the number of its worker.
    """

    def numbered(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return event if worker is None else {"worker": worker, **event}

    shared: list[Any] = [
        numbered,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    rendering: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _without_texts_of_errors,
        structlog.processors.JSONRenderer(),  # From here on the event is a line of text.
        redact,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(foreign_pre_chain=shared, processors=rendering))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # At DEBUG, Peewee logs every statement with its parameters. Codes are never among
    # them, but personal data is.
    logging.getLogger("peewee").setLevel(logging.WARNING)
    # It warns of each pipeline that a faster replica aborted, with the server's address.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Makes a line of each event; the lines of calls are made already, of known forms alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines."""
        return str(record.msg) if record.name == CALLS else super().format(record)


class Summarized:
    """Logs the first of many like events at once, and then how many there were from time to time.

    Events are alike if they have the same name and fields, of which there may be only a few. Any
    thread may use it. `flush` has to be called every `SUMMARY_SECONDS`, or when all is well.
    """

    def __init__(
        self,
        log: Any,  # noqa: ANN401 - structlog's loggers have no type
        level: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._level = level
        self._now = now
        self._lock = threading.Lock()
        self._alike: dict[tuple[str, tuple[tuple[str, str], ...]], _Count] = {}

    def add(self, event: str, **fields: str) -> None:
        """Log an event, or count it."""
        key = (event, tuple(fields.items()))
        with self._lock:
            count = self._alike.get(key)
            if count is None:
                self._alike[key] = _Count(self._now())
            else:
                count.number += 1
        if count is None:
            self._write(event, **fields)

    def flush(self) -> None:
        """Log what was counted for long enough; forget what has not happened again since."""
        now = self._now()
        with self._lock:
            due = [(k, c) for k, c in self._alike.items() if now - c.since >= SUMMARY_SECONDS]
            for key, count in due:
                if count.number:
                    self._alike[key] = _Count(now)
                else:
                    del self._alike[key]
        for (event, fields), count in due:
            if count.number:
                seconds = round(now - count.since, 1)
                self._write(event, **dict(fields), times=count.number, seconds=seconds)

    def _write(self, event: str, **fields: object) -> None:
        getattr(self._log, self._level)(event, **fields)


@dataclass(slots=True)
class _Count:
    """How many like events there were since a moment, beside the one that was logged."""

    since: float
    number: int = 0


def where(error: BaseException) -> list[str]:
    """Return where an error came from, without its text, which may quote a request."""
    chain: list[str] = []
    current: BaseException | None = error
    while current is not None:
        frames = traceback.extract_tb(current.__traceback__)
        chain.append(type(current).__name__)
        chain += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        current = current.__cause__ or current.__context__
    return chain
