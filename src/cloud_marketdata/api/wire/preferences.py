"""Lists of preferences as HTTP writes them: `gzip;q=0.5, zstd, *;q=0`, see RFC 9110, 12.4.

What is not a number between 0 and 1 behind `q` counts as 1, as if it had not been given. Other
parameters are not looked at.
"""

from collections.abc import Iterable
from typing import NamedTuple

Headers = Iterable[tuple[bytes, bytes]]


class Preference(NamedTuple):
    """One member of a list, in lower case, and how much it is wanted; 0 forbids it."""

    name: str
    weight: float


def listed(headers: Headers, name: bytes) -> str:
    """Return all fields of a request under one name as the one list that they are."""
    return ", ".join(value.decode("latin-1") for key, value in headers if key == name)


def preferences(text: str) -> list[Preference]:
    """Read a list; an empty member is none."""
    members = (member.split(";") for member in text.lower().split(","))
    return [Preference(name.strip(), _weight(rest)) for name, *rest in members if name.strip()]


def _weight(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return _number(value.strip())
    return 1.0


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0
