"""Finds what looks like a secret in a text: by its form, or by its name and its randomness.

It errs towards accusing. What is accused wrongly is named in the law's own list, with a reason.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

_FORMS: Final = {
    "key of this service": re.compile(r"cmd_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}"),
    "private key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\\nr\"']*(?:[\w-]+: .*\s+)*"
        r"[A-Za-z0-9+/=]{40}"
    ),
    "access key of a cloud": re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}\b"),
    "token of a code host": re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|glpat-[\w-]{20})\b"),
    "token of a chat": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    "signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "credentials in a URL": re.compile(
        r"\b(?:rediss?|mongodb(?:\+srv)?|https?|wss?)://[^\s:/@{}$<>*]*:(?!\*\*\*)[^\s/@{}$<>…]{16,}@"
    ),
}
_NAMED: Final = re.compile(
    r"(?:secret|passw(?:or)?d|pwd|token|api_?key|access_?key|pepper|credential)\w*[\"']?\s*"
    r"(?::\s*\w+\s*)?[=:]\s*[\"']([^\s\"'{}$<>]{16,})[\"']",
    re.IGNORECASE,
)
_RANDOM_BITS: Final = 3.6
_RANDOM_HEX_BITS: Final = 3.0
"""Bits a character from which on a text is hardly one of words; of hex digits there are only 16."""


class Leak(NamedTuple):
    """What was found: its kind, the line it begins in, and how it begins."""

    kind: str
    line: int
    begins: str


def leaks(text: str) -> Iterator[Leak]:
    """Yield what looks like a secret; only its beginning is told."""
    for kind, form in _FORMS.items():
        for found in form.finditer(text):
            yield _leak(kind, text, found.start(), found.group())
    for found in _NAMED.finditer(text):
        if _looks_random(found.group(1)):
            yield _leak("named secret", text, found.start(), found.group())


def _leak(kind: str, text: str, at: int, found: str) -> Leak:
    return Leak(kind, text.count("\n", 0, at) + 1, found[:24])


def _looks_random(value: str) -> bool:
    if re.fullmatch(r"[0-9a-fA-F]+", value):
        return _bits(value) >= _RANDOM_HEX_BITS
    mixed = re.search(r"[a-z][A-Z]+[a-z]", value) or re.search(r"\d", value)
    return mixed is not None and _bits(value) >= _RANDOM_BITS


def _bits(value: str) -> float:
    """Return Shannon's entropy of a text, in bits a character."""
    shares = (count / len(value) for count in Counter(value).values())
    return -sum(share * math.log2(share) for share in shares)
