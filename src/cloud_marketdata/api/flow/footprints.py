"""Footprints as they leave the service: bars on one grid, with rows of one width.

So all bars of an answer can be laid side by side; `footprint_bars` describes each of them.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.figures import price_text
from cloud_marketdata.api.flow.footprint_bars import Grid, Print, print_bar
from cloud_marketdata.api.flow.questions import FootprintQuestion
from cloud_marketdata.api.flow.schemas import Footprint
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import LimitError
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Timeframe, plain
from cloud_marketdata.processing.metrics.footprint import bar_row_ticks, footprint
from cloud_marketdata.processing.metrics.imbalance import Rule, imbalances

MOST_ROWS: Final = 50_000
WIDEST_ROW: Final = 10**12


def bars_with_rows(tiles: Sequence[Aggregate], timeframe: Timeframe) -> list[Aggregate]:
    """Merge tiles into the bars of a timeframe, rows and all, ascending."""
    grouped = groupby(tiles, key=lambda tile: timeframe.floor(tile.start))
    made = (combined(inside, timeframe, start) for start, inside in grouped)
    return [bar for bar in made if bar]


def footprint_bars(reading: Reading, timeframe: Timeframe, lateness: int) -> list[Aggregate]:
    """Return the bars of a reading, final where nothing but a late trade can change them."""
    closed = {part.start for part in reading.parts if part.final and part.timeframe is timeframe}
    bars = bars_with_rows(reading.parts, timeframe)
    for bar in bars:
        # A minute that has not come yet leaves no part that could say that the bar goes on.
        over = bar.end <= reading.newest - lateness
        bar.final = bar.start in closed or (bar.final and over)
    return bars


def footprint_data(
    instrument: Instrument, parts: Sequence[Aggregate], question: FootprintQuestion
) -> Footprint:
    """Describe the bars of one timeframe; raises LimitError on more rows than one answer holds."""
    bars = on_one_grid(instrument, [part for part in parts if part.bar])
    scale = bars[0].scale if bars else instrument.scale
    grid = Grid(scale, _row_ticks(bars, question.row_ticks))
    prints = [_print(part, part.bar, grid, question) for part in bars if part.bar]
    if sum(len(one.rows) for one in prints) > MOST_ROWS:
        msg = f"the bars have more than {MOST_ROWS} rows; ask for wider rows or a shorter range"
        raise LimitError(msg)
    units = units_of(instrument.symbol)
    return Footprint(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        unit=units.base,
        quote_unit=units.quote,
        timeframe=question.timeframe,
        tick=plain(scale.tick),
        row_ticks=grid.row_ticks,
        row_size=price_text(scale, grid.row_ticks),
        bars=[print_bar(prints[at:], grid, question.stack) for at in range(len(prints))],
    )


def on_one_grid(instrument: Instrument, parts: Sequence[Aggregate]) -> list[Aggregate]:
    """Return the parts on the coarsest scale that holds them all and the instrument's own."""
    scale = instrument.scale
    for part in parts:
        scale = scale.meet(part.scale)
    target = Instrument(instrument.venue, instrument.symbol, scale, instrument.scale_version)
    return [part if part.scale == scale else part.rescaled(target) for part in parts]


def _row_ticks(parts: Sequence[Aggregate], asked: int | None) -> int:
    if asked is None:
        return bar_row_ticks([(part.bar.low, part.bar.high) for part in parts if part.bar])
    if not 1 <= asked <= WIDEST_ROW:
        msg = f"row_ticks must be 1 to {WIDEST_ROW}"
        raise LimitError(msg)
    return asked


def _print(part: Aggregate, bar: Bar, grid: Grid, question: FootprintQuestion) -> Print:
    rows = footprint(part.profile, grid.row_ticks)
    minimum = None
    if question.min_volume is not None:
        minimum = int(question.min_volume // grid.scale.lot)
    rule = Rule(question.ratio, minimum, question.ignore_zero)
    return Print(part, bar, rows, rule.least(bar.volume), imbalances(rows, rule))
