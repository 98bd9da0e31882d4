"""Logs: one JSON object a line on stderr, so that stdout belongs to answers alone.

So is what libraries say, and what nobody caught. Errors and warnings are counted on their way. No
line holds a secret: ours are masked before they are written, those of libraries when they are
made, whatever handler writes them, and so is the trace of what nobody caught. Traces never tell
local variables.
"""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from cloud_marketdata.core.masking import masked, masked_value
from cloud_marketdata.core.telemetry.error_counts import ErrorCounts

ERROR_COUNTS: Final = ErrorCounts()
"""What this process has logged as wrong: one for all of it, as the log is."""

Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level) -> None:
    """Set up structlog and the standard library's loggers for this process."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            ERROR_COUNTS,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_event,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])


def mask_process() -> None:
    """Mask also what is written past our own log, for the rest of this process.

    That is whatever a library logs, warnings, and exceptions that nobody catches.
    """
    logging.setLogRecordFactory(MaskedRecord)
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell
    threading.excepthook = lambda of: _tell(of.exc_type, of.exc_value, of.exc_traceback)
    sys.unraisablehook = lambda of: _tell(of.exc_type, of.exc_value, of.exc_traceback)


def mask_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Hide the secrets of one event, as a processor of structlog."""
    found: EventDict = masked_value(event)
    return found


class MaskedRecord(logging.LogRecord):
    """A record of a library, with nothing in it that is not masked."""

    def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401  as logging makes it
        super().__init__(*given, **more)
        self.msg, self.args = masked(self._said()), ()
        if self.exc_info and self.exc_info[0]:
            # Handlers write the text that is there; of the exception they would make their own.
            self.exc_text = masked(_trace(*self.exc_info)).rstrip()
            self.exc_info = None

    def _said(self) -> str:
        try:
            return self.getMessage()
        except Exception:  # noqa: BLE001  arguments that do not fit are told beside the message
            return f"{self.msg} {self.args}"


class JsonLine(logging.Formatter):
    """Writes a record of a library as our own events are written."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        told = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": at.isoformat().replace("+00:00", "Z"),
        }
        if trace := record.exc_text or record.stack_info:
            told["exception"] = masked(trace)
        return json.dumps(told)


def _tell(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    told = masked(_trace(kind, error, trace))
    if structlog.is_configured():
        structlog.get_logger().critical("process.uncaught", exception=told)
    else:
        sys.stderr.write(told)


def _trace(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> str:
    return "".join(traceback.format_exception(kind, error, trace))
