"""How commands speak: one JSON document or text, always to stdout and always whole."""

import sys
from typing import Any

import msgspec


def say(text: str) -> None:
    """Write a line for people or scripts."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(document: Any) -> None:  # noqa: ANN401  whatever the command answers
    """Write one JSON document on one line."""
    say(msgspec.json.encode(document).decode())
