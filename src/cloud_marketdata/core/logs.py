"""Logs: one JSON object a line on stderr, so that stdout belongs to answers alone.

No line holds a secret: ours are masked before they are written, those of libraries when they are
made, whatever handler writes them, and so is the trace of what nobody caught. Traces never tell
local variables.
"""

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from cloud_marketdata.core.masking import masked, masked_value

Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level) -> None:
    """Set up structlog and the standard library's loggers for this process."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_event,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)


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


def _tell(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.stderr.write(masked(_trace(kind, error, trace)))


def _trace(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> str:
    return "".join(traceback.format_exception(kind, error, trace))
