"""Days of the cold tier that are made of trades: minutes, their hours, and their day."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from contract_samples import BTC, trade

from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Timeframe, TradeFlag

DAY = Timeframe.D1.ns
MINUTE = Timeframe.M1.ns


class Closed(NamedTuple):
    """A closed day and what it is the sum of."""

    day: Aggregate
    hours: list[Aggregate]
    minutes: list[Aggregate]

    @property
    def parts(self) -> list[Aggregate]:
        """Return the minutes and the hours, as the warm tier gives them."""
        return [*self.minutes, *self.hours]


def closed(trades: Iterable[TradeEvent], start: int = DAY, position: int = 1 << 40) -> Closed:
    """Return the day at `start` as the rollup makes it; at least one trade."""
    by_minute = defaultdict(list)
    for one in trades:
        by_minute[Timeframe.M1.floor(one.exchange_time)].append(one)
    minutes = [_minute(at, some, position) for at, some in sorted(by_minute.items())]
    hours = [*_summed(minutes, Timeframe.H1)]
    [day] = _summed(hours, Timeframe.D1)
    assert day.start == start, "the trades are of the day"
    return Closed(day, hours, minutes)


def spread(
    count: int, *, start: int = DAY, instrument: Instrument = BTC, size: int = 1, odd: bool = True
) -> list[TradeEvent]:
    """Return trades all over a day, of growing sizes, and one that is in no bar."""
    step = DAY // (count + 1)
    trades = [
        trade(start + at * step, price=600_000 + at * 7 % 90, size=size + at, instrument=instrument)
        for at in range(count)
    ]
    block = trade(start + DAY - 1, flags=TradeFlag.BLOCK, instrument=instrument)
    return [*trades, block] if odd else trades


def _minute(start: int, trades: Iterable[TradeEvent], position: int) -> Aggregate:
    made = Aggregate(next(iter(trades)).instrument, Timeframe.M1, start)
    made.position, made.final = position, True
    for one in trades:
        made.add(one)
    return made


def _summed(parts: Iterable[Aggregate], timeframe: Timeframe) -> Iterator[Aggregate]:
    by_start = defaultdict(list)
    for part in parts:
        by_start[timeframe.floor(part.start)].append(part)
    for start, some in sorted(by_start.items()):
        total = combined(some, timeframe, start)
        assert total is not None, "some parts are there"
        yield total
