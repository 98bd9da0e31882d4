"""The `marketdata` command.

Answers go to stdout, logs to stderr. Exit 0 only on success, 2 with one clear line for bad input,
1 for anything else. Commands import what they need when they run, so that `--help` is quick.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from pydantic import ValidationError

from cloud_marketdata import __version__
from cloud_marketdata.cli import bench, look, offline, rebuild, serve, verify
from cloud_marketdata.core.config import complaint
from cloud_marketdata.core.errors import BadRequestError, MarketDataError, SettingsError

app = App(
    name="marketdata",
    help="Exact, honest and fast market data from Bybit and Binance.",
    version=__version__,
)
for module in (serve, offline, look, bench, verify, rebuild):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    try:
        result = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our answer has seen enough; the interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (CycloptsError, ValidationError, FileNotFoundError, MarketDataError) as error:
        return _complain(error)
    return result if isinstance(result, int) else 0


def _complain(error: Exception) -> int:
    """Tell what is wrong in one line; the asker's own mistakes are exit 2."""
    text = complaint(error) if isinstance(error, ValidationError) else str(error)
    if isinstance(error, FileNotFoundError):
        text = f"no such file: {error.filename or error}"
    line = " ".join(text.split())
    print(f"marketdata: {line}", file=sys.stderr)  # noqa: T201  the command's own voice
    theirs = not isinstance(error, MarketDataError) or isinstance(
        error, (BadRequestError, SettingsError)
    )
    return 2 if theirs else 1
