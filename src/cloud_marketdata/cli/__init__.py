"""The `marketdata` command.

Answers go to stdout, logs to stderr. Exit 0 only on success, 2 with one clear line for bad input,
1 for anything else. Commands import what they need when they run, so that `--help` is quick. Each
leaves one audit event, see audited.py.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from pydantic import ValidationError

from cloud_marketdata import __version__
from cloud_marketdata.cli import audit, backup, bench, keys, look, offline, rebuild, serve, verify
from cloud_marketdata.cli.audited import Asked, audited
from cloud_marketdata.cli.voice import complain
from cloud_marketdata.core.errors import BadRequestError, MarketDataError, SettingsError
from cloud_marketdata.core.logs import mask_process

app = App(
    name="marketdata",
    help="Exact, honest and fast market data from Bybit and Binance.",
    version=__version__,
)
for module in (serve, offline, look, keys, audit, bench, verify, rebuild, backup):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    mask_process()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    with audited(app, sys.argv[1:] if arguments is None else list(arguments)) as asked:
        asked.exit_code, asked.code = _done(asked)
    return asked.exit_code


def _done(asked: Asked) -> tuple[int, str]:
    """Do what is asked; return the exit code, and what went wrong."""
    try:
        result = asked.command()()
    except KeyboardInterrupt:
        return 130, "interrupted"
    except BrokenPipeError:
        # Whoever read our answer has seen enough; the interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141, "unheard"
    except (CycloptsError, ValidationError, FileNotFoundError, MarketDataError) as error:
        complain(error)
        return _blamed(error)
    code = result if isinstance(result, int) else 0
    return code, "said_no" if code else ""


def _blamed(error: Exception) -> tuple[int, str]:
    """Return the exit code, which is 2 for the asker's own mistakes, and the code of the error."""
    if not isinstance(error, MarketDataError):
        return 2, "bad_settings" if isinstance(error, ValidationError) else "bad_request"
    theirs = isinstance(error, (BadRequestError, SettingsError))
    return 2 if theirs else 1, error.code
