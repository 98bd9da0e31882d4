"""What is stored: the whole minutes of a capture or of a seeded market, made longer by copies.

Trades come through the real decode and validation, buckets through the real fold. Copies follow
each other without a gap, each half a price range of the recording higher or lower than the last.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from cloud_marketdata.bench.storage.moves import Move, walk
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe, Venue
from cloud_marketdata.processing.windows import Windows
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.simulator.capture import Frame, read_capture
from cloud_marketdata.simulator.listing import known
from cloud_marketdata.simulator.synthetic import SeededMarkets
from cloud_marketdata.storage.ports import Batch, StreamKind

SEED: Final = 7
_SIGNS: Final = (b"trade", b"Trade")
_HEAD: Final = 120
_SEEDED_START: Final = 1_723_075_200 * NS_PER_S
_SEEDED_NS: Final = 300 * NS_PER_S
_NEVER: Final = 1 << 62


class Source(NamedTuple):
    """Where trades come from; without captures a seeded market of the venue."""

    venue: Venue
    captures: tuple[Path, ...] = ()
    instruments: Path | None = None


class Tape(NamedTuple):
    """Trades of whole minutes, [start, start + length) in ns, and the buckets they fold into."""

    trades: list[TradeEvent]
    start: int
    length: int
    buckets: list[Aggregate]

    @property
    def instrument(self) -> Instrument:
        """What is traded, on the grid of the first trade."""
        return self.trades[0].instrument

    def long(self, minutes: int) -> list[TradeEvent]:
        """Return the trades of so many minutes."""
        end = self.start + minutes * Timeframe.M1.ns
        moved = (move.trade(trade) for move in self._moves() for trade in self.trades)
        copies = takewhile(lambda trade: trade.exchange_time < end + self.length, moved)
        return [trade for trade in copies if trade.exchange_time < end]

    def long_buckets(self, timeframe: Timeframe, count: int) -> list[Aggregate]:
        """Return so many closed buckets of 1s or 1m that follow each other from a midnight on."""
        midnight = Move(Timeframe.D1.floor(self.start) - self.start)
        parts = [midnight.aggregate(one) for one in self.buckets if one.timeframe is timeframe]
        moved = (move.aggregate(one) for move in self._moves() for one in parts)
        return list(islice(moved, count))

    def _moves(self) -> Iterator[Move]:
        prices = [trade.price for trade in self.trades]
        ids = max(t.sequence for t in self.trades) - min(t.sequence for t in self.trades) + 1
        step = Move(self.length, (max(prices) - min(prices)) // 2, ids)
        return walk(step, Random(SEED))  # noqa: S311  a market, not a secret


def read_tape(source: Source) -> Tape:
    """Read the busiest symbol of the source; raises BadRequestError without a whole minute."""
    trades = _busiest(_trades(source))
    minute = Timeframe.M1.ns
    times = [trade.exchange_time for trade in trades]
    start = -(-min(times, default=0) // minute) * minute
    end = (max(times, default=0) + NS_PER_S) // minute * minute
    whole = [trade for trade in trades if start <= trade.exchange_time < end]
    if not whole:
        msg = "the recording holds no whole minute of trades"
        raise BadRequestError(msg)
    windows = Windows(_NEVER)
    windows.fold(whole, 1)
    buckets = windows.held()
    for bucket in buckets:
        bucket.final = True
    return Tape(whole, start, end - start, buckets)


def day_of(minutes: Sequence[Aggregate]) -> tuple[Aggregate, list[Aggregate]]:
    """Return the day that minutes of one day sum to, and its hours."""
    starts = sorted({Timeframe.H1.floor(minute.start) for minute in minutes})
    hours = [_sum(minutes, Timeframe.H1, start) for start in starts]
    return _sum(hours, Timeframe.D1, Timeframe.D1.floor(starts[0])), hours


def in_batches(
    trades: Sequence[TradeEvent], most: int, milliseconds: int = 0
) -> list[list[TradeEvent]]:
    """Cut trades into batches of at most `most`, received within so many ms where that is given."""
    batches: list[list[TradeEvent]] = []
    until = 0
    for trade in trades:
        late = milliseconds and trade.received_at >= until
        if not batches or late or len(batches[-1]) >= most:
            batches.append([])
            until = trade.received_at + milliseconds * NS_PER_MS
        batches[-1].append(trade)
    return batches


def _sum(parts: Iterable[Aggregate], timeframe: Timeframe, start: int) -> Aggregate:
    inside = [part for part in parts if timeframe.floor(part.start) == start]
    total = combined(inside, timeframe, start)
    assert total is not None, "a bucket is summed because it has parts"
    return total


def _busiest(trades: Iterable[TradeEvent]) -> list[TradeEvent]:
    every = list(trades)
    [(symbol, _)] = Counter(trade.instrument.symbol for trade in every).most_common(1) or [("", 0)]
    return [trade for trade in every if trade.instrument.symbol == symbol]


def _trades(source: Source) -> Iterator[TradeEvent]:
    venue = source.venue
    listed = read_instruments(source.instruments, venue) if source.instruments else []
    rulers = Rulers(venue, listed, infer=not listed), Rulers(venue, listed, infer=not listed)
    intake = Intake(VENUES[venue](*rulers, "aggTrade"), Desks(venue), Rejections())
    for frame in _frames(source):
        if any(sign in frame.payload[:_HEAD] for sign in _SIGNS):
            intake.receive(frame.payload, frame.received_at)
            yield from _taken(intake.take())


def _taken(batches: Iterable[Batch]) -> Iterator[TradeEvent]:
    for stream, events, _ in batches:
        if stream.kind is StreamKind.TRADES:
            yield from (event for event in events if isinstance(event, TradeEvent))


def _frames(source: Source) -> Iterable[Frame]:
    if source.captures:
        return read_capture(source.captures)
    market = SeededMarkets(source.venue, [known(source.venue, "BTCUSDT")], SEED, _SEEDED_START)
    return takewhile(lambda frame: frame.received_at < _SEEDED_START + _SEEDED_NS, market)
