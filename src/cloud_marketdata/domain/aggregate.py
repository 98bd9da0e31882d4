"""What is kept for one bucket of one instrument, with the log position it includes."""

import hashlib
from collections.abc import Iterable

from msgspec.structs import replace

from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import Timeframe, canonical


class Aggregate:
    """Bar, profile and tape span of the bucket `[start, start + timeframe)`.

    One second is too short for a profile of its own, so there it stays empty.

    `position` is the last log position whose trades are inside: a reader skips what is at or below
    it, so a replay after a crash cannot count a trade twice. `revision` grows by one with every
    save after the bucket was closed, and `late` counts the trades that came after closing.
    """

    __slots__ = (
        "bar",
        "final",
        "instrument",
        "late",
        "position",
        "profile",
        "revision",
        "span",
        "start",
        "timeframe",
    )

    def __init__(self, instrument: Instrument, timeframe: Timeframe, start: int) -> None:
        self.instrument = instrument
        self.timeframe = timeframe
        self.start = start
        self.bar: Bar | None = None
        self.profile = VolumeProfile(instrument.scale)
        self.span: TapeSpan | None = None
        self.position = 0
        self.final = False
        self.revision = 0
        self.late = 0

    @property
    def end(self) -> int:
        """First nanosecond after the bucket."""
        return self.start + self.timeframe.ns

    @property
    def scale(self) -> Scale:
        """Grid on which the integers inside are counted."""
        return self.instrument.scale

    def add(self, trade: TradeEvent) -> None:
        """Absorb one trade; a trade on a finer grid moves the whole aggregate to that grid."""
        if trade.instrument is not self.instrument:
            trade = self._on_one_grid(trade)
        if self.span is None:
            self.span = TapeSpan.of(trade)
        else:
            self.span.add(trade)
        if trade.flags and not trade.in_bars:
            return
        if self.bar is None:
            self.bar = Bar.of(trade)
        else:
            self.bar.add(trade)
        if self.timeframe is not Timeframe.S1:
            self.profile.add(trade)

    def rescaled(self, instrument: Instrument) -> "Aggregate":
        """Return the aggregate counted on the grid of `instrument`, which must be as fine."""
        tick, lot = self.scale.factors(instrument.scale)
        moved = Aggregate(instrument, self.timeframe, self.start)
        moved.bar = self.bar and self.bar.rescaled(tick, lot)
        moved.profile = self.profile.rescaled(instrument.scale)
        moved.span, moved.position = self.span, self.position
        moved.final, moved.revision, moved.late = self.final, self.revision, self.late
        return moved

    def lines(self) -> Iterable[str]:
        """Yield the content in decimals, the same on every scale and in every process."""
        scale, bar, span = self.scale, self.bar, self.span
        yield f"{self.instrument.venue}|{self.instrument.symbol}|{self.timeframe}|{self.start}"
        if span:
            off_book = sorted(span.off_book.items())
            yield f"tape|{span.first[2]}|{span.last[2]}|{span.trades}|{off_book}"
        if bar:
            prices = (bar.open, bar.high, bar.low, bar.close)
            sizes = (bar.volume, bar.taker_buy_volume)
            quotes = (bar.quote_volume, bar.taker_buy_quote_volume)
            yield "|".join(canonical(scale.price(p)) for p in prices)
            yield "|".join(canonical(scale.size(s)) for s in sizes)
            yield "|".join(canonical(scale.quote(q)) for q in quotes) + f"|{bar.count}"
        for row in self.profile.rows():
            cells = (
                canonical(scale.price(row.row * self.profile.row_ticks)),
                canonical(scale.size(row.buy)),
                canonical(scale.size(row.sell)),
                canonical(scale.quote(row.buy_quote)),
                canonical(scale.quote(row.sell_quote)),
                str(row.buy_count),
                str(row.sell_count),
            )
            yield "|".join(cells)

    def _on_one_grid(self, trade: TradeEvent) -> TradeEvent:
        mine, theirs = self.instrument, trade.instrument
        scale = mine.scale.meet(theirs.scale)
        both = max(mine, theirs, key=lambda instrument: instrument.scale_version)
        if scale != mine.scale:
            target = Instrument(both.venue, both.symbol, scale, both.scale_version)
            moved = self.rescaled(target)
            self.instrument, self.bar, self.profile = target, moved.bar, moved.profile
        tick, lot = theirs.scale.factors(scale)
        if tick == lot == 1:
            return trade
        return TradeEvent(
            self.instrument,
            trade.id,
            trade.price * tick,
            trade.size * lot,
            trade.side,
            trade.exchange_time,
            trade.received_at,
            trade.sequence,
            trade.fills,
            trade.flags,
        )


def combined(parts: Iterable[Aggregate], timeframe: Timeframe, start: int) -> Aggregate | None:
    """Merge aggregates of one instrument into one of `[start, start + timeframe)`.

    Returns None where there is nothing to merge. The result includes the highest position of its
    parts and is final only where all of them are.
    """
    items = list(parts)
    if not items:
        return None
    scale = items[0].scale
    for item in items[1:]:
        scale = scale.meet(item.scale)
    newest = max((item.instrument for item in items), key=lambda i: i.scale_version)
    target = Instrument(newest.venue, newest.symbol, scale, newest.scale_version)
    result = Aggregate(target, timeframe, start)
    result.final = True
    moved = [item if item.scale == scale else item.rescaled(target) for item in items]
    for item in moved:
        _absorb(result, item)
    result.profile = merge(item.profile for item in moved)
    return result


def state_hash(aggregates: Iterable[Aggregate]) -> str:
    """Hash the content of aggregates in the order of their start; empty ones do not count."""
    digest = hashlib.sha256()
    for aggregate in sorted(aggregates, key=lambda item: item.start):
        for line in aggregate.lines():
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _absorb(total: Aggregate, part: Aggregate) -> None:
    # The first part is copied: a sum that grows later must leave its parts as they are.
    if part.bar:
        total.bar = total.bar.merged(part.bar) if total.bar else replace(part.bar)
    if part.span:
        total.span = total.span.merged(part.span) if total.span else part.span.copy()
    total.position = max(total.position, part.position)
    total.final = total.final and part.final
    total.late += part.late
    total.revision += part.revision
