"""Ranges and pages of bars, stitched over the tiers from what is still kept of them.

A profile's range is widened where its cuts can no longer be made; bars that can no longer be made
are left out and told. Either is refused instead where the question wants exactly what it asked for.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.candle_pages import CandlePage, asked_bars, gone_bars, kept_bars
from cloud_marketdata.api.candles import CANDLE_FRAMES, bars_made
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.questions import CandlesQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError, widening
from cloud_marketdata.api.settled import Making
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe


def _summed(tiles: Sequence[Aggregate]) -> list[Aggregate]:
    whole = combined(tiles, Timeframe.D1, 0)
    return [whole] if whole else []


ROWS: Final = Making("rows", (Timeframe.D1, Timeframe.H1, Timeframe.M1), _summed, summed=True)


async def read_rows(reader: TileReader, asked: TimeRange, *, exact: bool) -> Reading:
    """Read what traded in a range, or in the smallest wider one that can still be cut out.

    Raises ResolutionGoneError where `exact` is wanted and the range would be another one.
    """

    async def read(horizons: Horizons) -> tuple[TimeRange | None, Reading]:
        widest = horizons.widened(asked)
        reading = await reader.read(widest, ROWS, horizons)
        return None if reading.kept else widest, reading

    reading = await reader.steadily(read)
    notes = widening(asked, reading.range, reading.pieces)
    if exact and notes:
        msg = f"{notes[0]}; exact=true refuses that"
        raise ResolutionGoneError(msg)
    return replace(reading, notes=notes)


async def read_bars(
    reader: TileReader, question: CandlesQuestion, now: int
) -> tuple[CandlePage, Reading]:
    """Read one page of bars, and the close before them where empty ones are to be filled.

    Raises what `asked_bars` and `kept_bars` raise.
    """
    asked = asked_bars(question, now)
    timeframe = Timeframe(question.timeframe)
    frames = CANDLE_FRAMES[timeframe]
    making = Making(f"bars-{timeframe}", frames, lambda tiles: bars_made(tiles, timeframe))

    async def read(horizons: Horizons) -> tuple[TimeRange, tuple[CandlePage, Reading]]:
        kept = kept_bars(question, asked, horizons)
        oldest = await reader.shelves(horizons).oldest(frames, kept.start)
        if oldest is not None:
            # Older ones may be forgotten: then the time before the oldest was not empty.
            oldest = min(oldest, horizons.available(timeframe, frames) or oldest)
        page = CandlePage.of(question, kept, oldest)
        flat = question.fill == "flat"
        reading = await reader.read(page.read, making, horizons, before=flat)
        notes = (gone_bars(timeframe, kept.start),) if asked.start < kept.start else ()
        return page.read, (page, replace(reading, notes=notes))

    return await reader.steadily(read)
