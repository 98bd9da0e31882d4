"""The readings that footprints and bars of equal activity are made from."""

from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.candle_pages import asked_bars, gone_bars, kept_bars
from cloud_marketdata.api.candles import CANDLE_FRAMES, bars_made
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.flow.footprints import bars_with_rows
from cloud_marketdata.api.flow.questions import FOOTPRINT_FRAMES, MOST_BARS, FootprintQuestion
from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.questions import CandlesQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.settled import Making
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import Timeframe

_MINUTES: Final = Making("bars-1m", (Timeframe.M1,), lambda tiles: bars_made(tiles, Timeframe.M1))


async def read_footprints(reader: TileReader, question: FootprintQuestion, now: int) -> Reading:
    """Read the bars of a range with their rows, as far as they can still be made.

    Raises BadRequestError, LimitError, BadTimeError or ResolutionGoneError.
    """
    bars = question.bars()
    asked = asked_bars(bars, now)
    timeframe = Timeframe(question.timeframe)
    if timeframe not in FOOTPRINT_FRAMES:
        msg = f"timeframe must be one of {', '.join(FOOTPRINT_FRAMES)}; seconds have no rows"
        raise BadRequestError(msg)
    if asked.end - asked.start > MOST_BARS * timeframe.ns:
        msg = f"the range holds more than {MOST_BARS} bars of {timeframe}; ask for parts of it"
        raise LimitError(msg)
    return await read_bars_with_rows(reader, bars, asked)


async def read_bars_with_rows(
    reader: TileReader, bars: CandlesQuestion, asked: TimeRange
) -> Reading:
    """Read the bars of a time that was checked, with their rows, as far as they can be made.

    Raises ResolutionGoneError.
    """
    timeframe = Timeframe(bars.timeframe)
    frames = CANDLE_FRAMES[timeframe]
    making = Making(f"rows-{timeframe}", frames, lambda tiles: bars_with_rows(tiles, timeframe))

    async def read(horizons: Horizons) -> tuple[TimeRange, Reading]:
        kept = kept_bars(bars, asked, horizons)
        reading = await reader.read(kept, making, horizons)
        notes = (gone_bars(timeframe, kept.start),) if asked.start < kept.start else ()
        return kept, replace(reading, notes=notes)

    return await reader.steadily(read)


async def read_minutes_of(reader: TileReader, within: TimeRange) -> Reading:
    """Read every minute of a range of whole ones.

    Raises ResolutionGoneError where some are gone.
    """

    async def read(horizons: Horizons) -> tuple[TimeRange, Reading]:
        if within.start < horizons.minutes:
            msg = f"raw trades of {iso(within.start)} are no longer kept, and every one counts"
            raise ResolutionGoneError(msg)
        return within, await reader.read(within, _MINUTES, horizons)

    return await reader.steadily(read)
