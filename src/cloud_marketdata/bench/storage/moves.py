"""Copies of a tape, moved in time and price: a few recorded minutes become an hour or a day. Pure.

A moved aggregate is what the moved trades would have folded into, so that a day costs no fold.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.bar import Bar, Key
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.tape import Mark, TapeSpan


class Move(NamedTuple):
    """By how many ns, ticks and ids."""

    time: int = 0
    ticks: int = 0
    ids: int = 0

    def trade(self, trade: TradeEvent) -> TradeEvent:
        """Return the trade at its new place; ids that are text stay as they are."""
        return replace(
            trade,
            id=self._identity(trade.id),
            price=trade.price + self.ticks,
            exchange_time=trade.exchange_time + self.time,
            received_at=trade.received_at + self.time,
            sequence=trade.sequence + self.ids,
        )

    def aggregate(self, aggregate: Aggregate) -> Aggregate:
        """Return what the moved trades of a bucket of one-tick rows fold into."""
        moved = Aggregate(aggregate.instrument, aggregate.timeframe, aggregate.start + self.time)
        moved.position, moved.final = aggregate.position, aggregate.final
        moved.revision, moved.late = aggregate.revision, aggregate.late
        moved.bar = aggregate.bar and self._bar(aggregate.bar)
        moved.span = aggregate.span and self._span(aggregate.span)
        cells = {
            row + self.ticks: [buy, sell, paid + self.ticks * buy, got + self.ticks * sell, *counts]
            for row, (buy, sell, paid, got, *counts) in aggregate.profile.cells.items()
        }
        moved.profile = VolumeProfile(aggregate.scale, 1, cells)
        return moved

    def _bar(self, bar: Bar) -> Bar:
        return replace(
            bar,
            open=bar.open + self.ticks,
            high=bar.high + self.ticks,
            low=bar.low + self.ticks,
            close=bar.close + self.ticks,
            quote_volume=bar.quote_volume + self.ticks * bar.volume,
            taker_buy_quote_volume=bar.taker_buy_quote_volume + self.ticks * bar.taker_buy_volume,
            open_key=self._key(bar.open_key),
            close_key=self._key(bar.close_key),
        )

    def _span(self, span: TapeSpan) -> TapeSpan:
        return replace(
            span.copy(),
            first=self._mark(span.first),
            last=self._mark(span.last),
            low=span.low + self.ids,
            high=span.high + self.ids,
        )

    def _mark(self, mark: Mark) -> Mark:
        return (*self._key(mark[:2]), self._identity(mark[2]))

    def _key(self, key: Key) -> Key:
        return key[0] + self.time, key[1] + self.ids

    def _identity(self, identity: int | str) -> int | str:
        return identity + self.ids if isinstance(identity, int) else identity


def walk(step: Move, random: Random) -> Iterator[Move]:
    """Yield moves without end: time and ids go on by the step, prices at random by its ticks.

    The walk starts at no move at all and never goes below the price it came from.
    """
    ticks = number = 0
    while True:
        yield Move(number * step.time, ticks, number * step.ids)
        ticks = abs(ticks + random.choice((-1, 0, 1)) * step.ticks)
        number += 1
