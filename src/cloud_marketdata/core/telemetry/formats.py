"""Which text format a scrape gets: Prometheus' own library chooses by the Accept header.

Its choice is only taken where it is one of a short list, because it names in its content type
whatever version the request named, and cannot compare versions that are none.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from prometheus_client import exposition as plain
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

_ESCAPINGS: Final = (
    openmetrics.ALLOWUTF8,
    openmetrics.UNDERSCORES,
    openmetrics.DOTS,
    openmetrics.VALUES,
)
_BASES: Final = (plain.CONTENT_TYPE_PLAIN_1_0_0, openmetrics.CONTENT_TYPE_LATEST)
CONTENT_TYPES: Final = frozenset(
    (
        plain.CONTENT_TYPE_PLAIN_0_0_4,
        *_BASES,
        *(f"{base}; escaping={one}" for base in _BASES for one in _ESCAPINGS),
    )
)
"""All that a scrape may be answered with."""
_END: Final = b"# EOF\n"


class Format(NamedTuple):
    """How a text is written."""

    encode: Callable[[Collector], bytes]
    content_type: str

    @property
    def end(self) -> bytes:
        """What closes a text, which the library writes behind each part of it."""
        return _END if self.content_type.startswith("application/openmetrics-text") else b""


def format_of(accept: str) -> Format:
    """Return the format for an Accept header; the oldest one where it cannot be told."""
    try:
        chosen = Format(*plain.choose_encoder(accept))
    except TypeError:
        chosen = Format(*plain.choose_encoder(""))
    known = chosen.content_type in CONTENT_TYPES
    return chosen if known else Format(*plain.choose_encoder(""))
