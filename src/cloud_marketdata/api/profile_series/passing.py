"""The bars that passed by closed sessions: hours, and minutes only where one may have been filled.

An hour that neither holds a row nor jumps over it holds no minute that does, so reading the others'
minutes gives what reading all minutes would. Where minutes or hours are gone, coarser bars do.
"""

from collections.abc import Sequence

from cloud_marketdata.api.candles import CANDLE_FRAMES, bars_made, bars_of
from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.settled import Making
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, ceiling
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.naked import Control, PassingBar, filled_by


class Passing:
    """Finds the finest kept bar that filled a point of control.

    scale, row_ticks: the grid of its rows; it must be as fine as that of every bar.
    """

    def __init__(self, reader: TileReader, scale: Scale, row_ticks: int, rule: str) -> None:
        self._reader = reader
        self._scale = scale
        self._row_ticks = row_ticks
        self._rule = rule
        self._minutes: dict[int, list[PassingBar]] = {}

    async def filled(self, control: Control, bars: Sequence[Aggregate]) -> PassingBar | None:
        """Return the bar that filled a control, or None; bars are those after its session."""
        row, at = control
        for bar in map(self._passing, bars):
            finer = [bar]
            if filled_by(Control(row, at), finer, "touch"):
                finer = await self._finest(bar)
            found = filled_by(Control(row, at), finer, self._rule)
            if found:
                return found
            sides = (one.close for one in reversed(finer))
            at = next((close for close in sides if self._rule == "touch" or close != row), at)
        return None

    async def _finest(self, bar: PassingBar) -> list[PassingBar]:
        if bar.end - bar.start != Timeframe.H1.ns:
            return [bar]
        if bar.start not in self._minutes:
            within = TimeRange(bar.start, bar.end)
            made = await _bars(self._reader, Timeframe.M1, within)
            self._minutes[bar.start] = [self._passing(one) for one in made] or [bar]
        return self._minutes[bar.start]

    def _passing(self, part: Aggregate) -> PassingBar:
        assert part.bar is not None, "bars without trades are left out"
        tick, lot = part.scale.factors(self._scale)
        bar = part.bar.rescaled(tick, lot)
        rows = (price // self._row_ticks for price in (bar.low, bar.high, bar.close))
        return PassingBar(part.start, part.end, *rows)


async def hours_since(reader: TileReader, start: int, now: int) -> list[Aggregate]:
    """Return the hours with trades from `start` to `now`, or days where hours are gone."""
    end = ceiling(now, Timeframe.H1)
    hours = min(max(start, (await reader.horizons()).hours), end)
    days = await _bars(reader, Timeframe.D1, TimeRange(start, hours)) if start < hours else []
    return days + await _bars(reader, Timeframe.H1, TimeRange(hours, end))


async def _bars(reader: TileReader, frame: Timeframe, within: TimeRange) -> list[Aggregate]:
    """Return the bars of a frame inside a range of whole ones, as far as they are kept."""
    frames = CANDLE_FRAMES[frame]
    making = Making(f"bars-{frame}", frames, lambda tiles: bars_made(tiles, frame))

    async def read(horizons: Horizons) -> tuple[TimeRange, list[Aggregate]]:
        kept = TimeRange(max(within.start, horizons.available(frame, frames)), within.end)
        if kept.start >= kept.end:
            return within, []
        reading = await reader.read(kept, making, horizons)
        return within, [bar for bar in bars_of(reading, frame, 0) if bar.bar]

    return await reader.steadily(read)
