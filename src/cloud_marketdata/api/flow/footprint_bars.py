"""One bar of a footprint in words and rows: imbalances, zones and the facts about its extremes.

Zones and open auctions are judged by the later bars of the same answer, so a longer answer may know
more of the same bar.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.api.flow.bars import percent
from cloud_marketdata.api.flow.lines import bar_delta
from cloud_marketdata.api.flow.schemas import AuctionOut, FootprintBar, FootRowOut, ZoneOut
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import Row
from cloud_marketdata.domain.values import NS_PER_MS, Side
from cloud_marketdata.processing.metrics.exhaustion import tapers
from cloud_marketdata.processing.metrics.imbalance import Imbalances
from cloud_marketdata.processing.metrics.stacked import After, Zone, fate, zones
from cloud_marketdata.processing.metrics.unfinished import Reach, auction, traded_again


class Print(NamedTuple):
    """A bar on the grid of the whole answer, its rows, and what is out of balance in them."""

    part: Aggregate
    bar: Bar
    rows: list[Row]
    least: int
    found: Imbalances


class Grid(NamedTuple):
    """The grid that all bars of an answer are counted on, and the ticks of a row."""

    scale: Scale
    row_ticks: int

    def low(self, row: int) -> str:
        """Write the lowest price inside a row."""
        return price_text(self.scale, row * self.row_ticks)

    def high(self, row: int) -> str:
        """Write the highest price inside a row."""
        return price_text(self.scale, (row + 1) * self.row_ticks - 1)


def print_bar(prints: Sequence[Print], grid: Grid, stack: int) -> FootprintBar:
    """Describe the first of some bars by what is in it and by what the others did to it."""
    one, *later = prints
    part, bar, scale = one.part, one.bar, grid.scale
    return FootprintBar(
        open_time=part.start // NS_PER_MS,
        open=price_text(scale, bar.open),
        high=price_text(scale, bar.high),
        low=price_text(scale, bar.low),
        close=price_text(scale, bar.close),
        volume=size_text(scale, bar.volume),
        delta=size_text(scale, bar_delta(bar)),
        delta_pct=percent(bar_delta(bar), bar.volume),
        min_volume=size_text(scale, one.least),
        rows=[_row(row, one.found, grid) for row in one.rows],
        zones=[_zone(zone, later, grid) for zone in zones(one.found, stack)],
        auction=_auction(one, later),
        thins_out=[side.value for side in Side if tapers(one.rows, side)],
        final=part.final,
        revision=part.revision,
    )


def _row(row: Row, found: Imbalances, grid: Grid) -> FootRowOut:
    scale = grid.scale
    zero = {Side.BUY: found.zero_buy, Side.SELL: found.zero_sell}
    return FootRowOut(
        low=grid.low(row.row),
        high=grid.high(row.row),
        buy=size_text(scale, row.buy),
        sell=size_text(scale, row.sell),
        delta=size_text(scale, row.buy - row.sell),
        buy_count=row.buy_count,
        sell_count=row.sell_count,
        imbalance=[side.value for side in Side if row.row in found.of(side)],
        zero_print=[side.value for side in Side if row.row in zero[side]],
    )


def _zone(zone: Zone, later: Sequence[Print], grid: Grid) -> ZoneOut:
    width = grid.row_ticks
    after = [
        After(one.part.start, bar.low // width, bar.high // width, bar.close // width)
        for one in later
        for bar in (one.bar,)
    ]
    told = fate(zone, after)
    return ZoneOut(
        side=zone.side.value,
        low=grid.low(zone.first),
        high=grid.high(zone.last),
        rows=zone.last - zone.first + 1,
        state=told.state.value,
        touched_at=_ms(told.touched_at),
        filled_at=_ms(told.filled_at),
        broken_at=_ms(told.broken_at),
    )


def _auction(one: Print, later: Sequence[Print]) -> AuctionOut:
    facts = auction(one.rows)
    after = [Reach(bar.part.start, bar.rows[0].row, bar.rows[-1].row) for bar in later]
    high = traded_again(one.rows[-1].row, after) if facts.both_sides_at_high else None
    low = traded_again(one.rows[0].row, after) if facts.both_sides_at_low else None
    return AuctionOut(
        both_sides_at_high=facts.both_sides_at_high,
        both_sides_at_low=facts.both_sides_at_low,
        high_resolved_at=_ms(high),
        low_resolved_at=_ms(low),
    )


def _ms(time: int | None) -> int | None:
    return None if time is None else time // NS_PER_MS
