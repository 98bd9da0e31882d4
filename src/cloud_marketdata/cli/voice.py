"""How commands speak: one JSON document or text, always to stdout and always whole.

What is wrong goes to stderr, in one line and without secrets.
"""

import sys
from typing import Any

import msgspec
from pydantic import ValidationError

from cloud_marketdata.core.config import complaint
from cloud_marketdata.core.masking import masked


def say(text: str) -> None:
    """Write a line for people or scripts."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(document: Any) -> None:  # noqa: ANN401  whatever the command answers
    """Write one JSON document on one line."""
    say(msgspec.json.encode(document).decode())


def note(text: str) -> None:
    """Write a line for people beside an answer that is for a script."""
    sys.stderr.write(f"marketdata: {masked(text)}\n")


def complain(error: Exception, before: str = "") -> None:
    """Tell in one line on stderr what is wrong."""
    text = complaint(error) if isinstance(error, ValidationError) else str(error)
    if isinstance(error, FileNotFoundError):
        text = f"no such file: {error.filename or error}"
    line = " ".join(masked(text).split())
    sys.stderr.write(f"marketdata: {before}{line}\n")
