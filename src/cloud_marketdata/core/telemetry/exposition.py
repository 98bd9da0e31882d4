"""Figures to the text that Prometheus reads, in the format it asks for, by Prometheus' own library.

It is written in short turns on the event loop: a thread beside it would take the interpreter from
the loop for longer at a time. One text is written at once, and told for a second to all who want
that format.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.telemetry.families import Part, parts_of
from cloud_marketdata.core.telemetry.figures import KEPT_S, Figures
from cloud_marketdata.core.telemetry.folding import Family
from cloud_marketdata.core.telemetry.formats import Format, format_of
from cloud_marketdata.core.telemetry.turns import Turns


class Text(NamedTuple):
    """An answer to a scrape."""

    body: bytes
    content_type: str


class Exposition:
    """Writes the figures for whoever scrapes."""

    def __init__(self, figures: Figures, clock: Clock) -> None:
        self._figures = figures
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[float, Text]] = {}

    async def text(self, accept: str) -> Text:
        """Return the figures of this second in the format that an Accept header asks for."""
        form = format_of(accept)
        async with self._lock:
            made, text = self._kept.get(form.content_type, (None, None))
            now = self._clock.monotonic()
            if made is None or text is None or now - made >= KEPT_S:
                text = await self._written(form)
                self._kept[form.content_type] = now, text
            return text

    async def _written(self, form: Format) -> Text:
        written: list[bytes] = []
        turns = Turns(self._clock)
        for family in await self._figures.now():
            for text in _texts(family, form):
                written.append(text)
                await turns.pause()
        return Text(b"".join((*written, form.end)), form.content_type)


def _texts(family: Family, form: Format) -> Iterator[bytes]:
    """Yield the text of a family part by part, the first with what describes it."""
    for at, part in enumerate(parts_of(family)):
        yield _text(part, form, headed=not at)


def _text(part: Part, form: Format, *, headed: bool) -> bytes:
    text = form.encode(part).removesuffix(form.end)
    # Its first two lines are HELP and TYPE, which a family has once.
    return text if headed else text.split(b"\n", 2)[2]
