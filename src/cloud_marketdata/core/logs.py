"""Logs: one JSON object a line on stderr, so that stdout belongs to answers alone.

No line holds a secret: ours are masked before they are written, those of libraries when they are
made, whatever handler writes them, and so is the trace of what nobody caught. Traces never tell
local variables.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Collection
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cloud_marketdata.core.masking import masked, masked_value

Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level, secrets: Collection[str] = ()) -> None:
    """Set up structlog, the standard library's loggers and uncaught traces for this process.

    secrets: values that are hidden wherever they stand, as `masking.secrets_of` finds them.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masking(secrets),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.setLogRecordFactory(_records(secrets))
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
    logging.captureWarnings(capture=True)
    mask_traces(secrets)


def mask_traces(secrets: Collection[str] = ()) -> None:
    """Have what nobody catches written to stderr as Python does, and masked."""

    def tell(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            sys.stderr.write(masked(_trace(kind, error, trace), secrets))

    sys.excepthook = tell
    threading.excepthook = lambda of: tell(of.exc_type, of.exc_value, of.exc_traceback)
    sys.unraisablehook = lambda of: tell(of.exc_type, of.exc_value, of.exc_traceback)


def _masking(secrets: Collection[str]) -> Processor:
    def mask(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        found: EventDict = masked_value(event, secrets)
        return found

    return mask


def _records(secrets: Collection[str]) -> type[logging.LogRecord]:
    class Masked(logging.LogRecord):
        """A record of a library, with nothing in it that is not masked."""

        def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401  as logging makes it
            super().__init__(*given, **more)
            self.msg, self.args = masked(_message(self), secrets), ()
            if self.exc_info and self.exc_info[0]:
                # Handlers write the text that is there; from the exception itself they would
                # make their own.
                self.exc_text = masked(_trace(*self.exc_info), secrets).rstrip()
                self.exc_info = None

    return Masked


def _message(record: logging.LogRecord) -> str:
    """Return what a record says; one whose arguments do not fit says them beside it."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  a log line never costs what it is about
        return f"{record.msg} {record.args}"


def _trace(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> str:
    return "".join(traceback.format_exception(kind, error, trace))
