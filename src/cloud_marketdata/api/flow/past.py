"""What lies before a page of bars: the bars that it is compared with, and what CVD has summed.

A page shows the same CVD wherever it begins, so everything since the reset, or since the last gap
behind it, is read too: the bars just before the page one by one, what is older as one sum. Where a
sum can only begin at a coarser cut, it begins later rather than earlier, and the answer says so.
"""

from typing import Final

from msgspec import Struct

from cloud_marketdata.api.candles import CANDLE_FRAMES, bars_made, bars_of
from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.settled import Making
from cloud_marketdata.api.stitching import ROWS
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, ceiling, iso
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe

_SECONDS: Final = Making(
    "rows-seconds",
    (*ROWS.frames, Timeframe.S1),
    lambda tiles: [whole] if (whole := combined(tiles, Timeframe.D1, 0)) else [],
)


class Lead(Struct, frozen=True):
    """The bars with trades in a range that ends where a page begins, ascending."""

    range: TimeRange
    bars: list[Aggregate]


class Base(Struct, frozen=True):
    """What was traded in a range, in parts; `range` may begin later than it was asked to."""

    range: TimeRange
    parts: list[Aggregate]
    notes: tuple[str, ...] = ()


async def read_lead(
    reader: TileReader, before: int, timeframe: Timeframe, count: int, lateness: int
) -> Lead:
    """Read at most `count` buckets before a time, as far as bars can still be made of them."""
    frames = CANDLE_FRAMES[timeframe]
    making = Making(f"bars-{timeframe}", frames, lambda tiles: bars_made(tiles, timeframe))

    async def read(horizons: Horizons) -> tuple[TimeRange, Lead]:
        oldest = horizons.available(timeframe, frames)
        within = TimeRange(min(max(0, before - count * timeframe.ns, oldest), before), before)
        if within.start == within.end:
            return within, Lead(within, [])
        reading = await reader.read(within, making, horizons)
        return within, Lead(within, bars_of(reading, timeframe, lateness))

    return await reader.steadily(read)


async def read_base(reader: TileReader, asked: TimeRange) -> Base:
    """Read what was traded in a range of whole seconds, from the first cut that can be made."""
    making = _SECONDS if any(time % Timeframe.M1.ns for time in asked) else ROWS

    async def read(horizons: Horizons) -> tuple[TimeRange, Base]:
        start = min(_first_cut(asked.start, horizons), asked.end)
        notes = () if start == asked.start else (_later(asked.start, start),)
        oldest = await reader.shelves(horizons).oldest(ROWS.frames, start)
        if oldest is not None:
            # Years in which nobody listened yet need not be looked through.
            start = min(max(start, Timeframe.D1.floor(oldest)), asked.end)
        within = TimeRange(start, asked.end)
        if start == asked.end:
            return within, Base(within, [], notes)
        reading = await reader.read(within, making, horizons)
        return within, Base(within, reading.parts, (*notes, *reading.notes))

    return await reader.steadily(read)


def _first_cut(time: int, horizons: Horizons) -> int:
    """Return the first instant from `time` on at which the stored buckets can be cut."""
    finest = horizons.finest(time)
    if finest is Timeframe.M1 and time >= horizons.seconds:
        return time
    return ceiling(time, finest)


def _later(wanted: int, start: int) -> str:
    return f"cvd counts from {iso(start)}: nothing fine enough is kept to cut at {iso(wanted)}"
