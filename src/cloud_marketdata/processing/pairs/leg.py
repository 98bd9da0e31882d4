"""One market of a pair: its touch while the book may be believed, its last trades, its clock.

Two levels are followed, both as logarithms of a price in units of 1e-7, which is a thousandth of a
basis point: that of the mid, and that of the tape, which lies between the last price a taker bought
at and the last one a taker sold at. The tape's has the venue's own match times; a mid has those of
book messages, which venues send every 100 ms or so.
"""

from collections.abc import Sequence
from math import log
from typing import Final

from msgspec import Struct, field

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import (
    BookEvent,
    BookSnapshot,
    LogEvent,
    StatusEvent,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NOT_IN_BARS, NS_PER_MS, Side
from cloud_marketdata.processing.flow.followed_book import BookImage, FollowedBook
from cloud_marketdata.processing.flow.moments import Quote
from cloud_marketdata.processing.metrics.ofi import flow
from cloud_marketdata.processing.pairs.offset import ClockOffset
from cloud_marketdata.processing.pairs.path import Path

UNIT: Final = 1e-7
FINE_NS: Final = 5 * NS_PER_MS
FRESH_NS: Final = 500 * NS_PER_MS


class Kept(Struct):
    """All that a leg is, in plain form; `book` is the whole book where there is one."""

    clock: ClockOffset = field(default_factory=ClockOffset)
    mids: Path = field(default_factory=Path)
    tape: Path = field(default_factory=Path)
    instrument: Instrument | None = None
    traded: Instrument | None = None
    book: BookImage | None = None
    quote: Quote | None = None
    heard: int = 0
    ofi: int = 0
    changes: int = 0
    stamp: int = 0
    waits: int = 0
    short_waits: int = 0
    trade_time: int = 0
    trade_id: int | str = ""
    bought: tuple[int, int] | None = None
    sold: tuple[int, int] | None = None


class Leg:
    """One market, fed with its log entries in the order of their arrival.

    state: see Kept; while it runs the book is beside it. Times are ns by our clock: `heard` is that
    of the newest book change, corrected, so an old change that came late is as stale as it is old.
    ofi: order flow imbalance of the running minute in lots of `instrument`, the finest grid of the
    book so far; `changes`, how many changes of the touch went into it. traded: the tape's grid.
    waits: book messages of the minute whose stamp is not that of the one before, whose stamp is in
    `stamp`; `short_waits` those that came within 5 ms of it.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self.state = kept or Kept()
        self._book = FollowedBook.of(self.state.book) if self.state.book else FollowedBook()
        self.state.book = None
        self._scale: Scale | None = None
        self._lots = 1
        if self._book.book and self.state.instrument:
            self._scale = self._book.book.instrument.scale
            self._lots = self._scale.factors(self.state.instrument.scale)[1]

    def kept(self) -> Kept:
        """Return all of it to be stored, at once or never: it goes on changing."""
        self.state.book = self._book.image()
        return self.state

    def stored(self) -> None:
        """Let go of what was made for `kept`."""
        self.state.book = None

    def fresh(self, now: int) -> bool:
        """Whether there is a believed touch that is at most half a second old at `now`."""
        return self.state.quote is not None and now - self.state.heard < FRESH_NS

    def take(self, events: Sequence[LogEvent]) -> None:
        """Take the events of one entry."""
        for event in events:
            if isinstance(event, TradeEvent):
                self._trade(event)
            elif isinstance(event, StatusEvent):
                self._fact(event)
            else:
                self._change(event)

    @property
    def fine(self) -> bool:
        """Whether the book comes when it changes, and not by a slow clock of the venue's own."""
        return self.state.short_waits * 100 > self.state.waits

    def turn(self) -> None:
        """Begin a new minute."""
        state = self.state
        state.ofi = state.changes = state.waits = state.short_waits = 0

    def _trade(self, trade: TradeEvent) -> None:
        state = self.state
        if trade.flags & NOT_IN_BARS or trade.exchange_time < state.trade_time:
            # What was filled in comes behind its time and would move the level back and forth.
            return
        state.clock.note(trade.exchange_time, trade.received_at)
        state.trade_time, state.trade_id = trade.exchange_time, trade.id
        state.traded = trade.instrument
        last = state.bought if trade.side is Side.BUY else state.sold
        if last is not None and last[0] == trade.price:
            return
        seen = (trade.price, _level(trade.price, float(trade.instrument.scale.tick)))
        if trade.side is Side.BUY:
            state.bought = seen
        else:
            state.sold = seen
        if state.bought and state.sold:
            time = (trade.exchange_time + state.clock.ns) // NS_PER_MS
            state.tape.move(time, (state.bought[1] + state.sold[1]) // 2)

    def _fact(self, fact: StatusEvent) -> None:
        self._book.fact(fact)
        if self._book.believed is None:
            self.state.quote = None

    def _change(self, change: BookEvent) -> None:
        state = self.state
        state.clock.note(change.exchange_time, change.received_at)
        self._waited(change.exchange_time)
        if isinstance(change, BookSnapshot):
            state.quote = None
        self._book.apply(change)
        book = self._book.believed
        if book is not None:
            self._touched(book, change)
        else:
            state.quote = None

    def _waited(self, stamp: int) -> None:
        """Count how finely the venue's stamps of its book can be told apart."""
        state = self.state
        wait, state.stamp = stamp - state.stamp, stamp
        if wait > 0:
            state.waits += 1
            state.short_waits += wait <= FINE_NS

    def _touched(self, book: OrderBook, change: BookEvent) -> None:
        state, bid, ask = self.state, book.best_bid(), book.best_ask()
        state.heard = change.exchange_time + state.clock.ns
        if book.instrument.scale != self._scale:
            self._regrid(book.instrument)
        before, state.quote = state.quote, None
        if bid is None or ask is None or bid[0] >= ask[0] or not book.knows(1):
            return
        state.quote = quote = Quote(change.exchange_time, *bid, *ask)
        if before is not None:
            if before[1:] == quote[1:]:
                return
            was = ((before.bid, before.bid_size), (before.ask, before.ask_size))
            state.ofi += flow(*was, bid, ask) * self._lots
            state.changes += 1
        level = _level(quote.twice_mid, float(book.instrument.scale.tick) / 2)
        state.mids.move(state.heard // NS_PER_MS, level)

    def _regrid(self, book: Instrument) -> None:
        """Count on a grid that also holds the book's; no quote is compared across the change."""
        state, grid, self._scale = self.state, self.state.instrument, book.scale
        scale = grid.scale.meet(book.scale) if grid else book.scale
        if grid:
            state.ofi *= grid.scale.factors(scale)[1]
        self._lots = book.scale.factors(scale)[1]
        state.instrument = Instrument(book.venue, book.symbol, scale, book.scale_version)
        state.quote = None


def _level(price: int, step: float) -> int:
    """Return the logarithm of a price in units of 1e-7."""
    return round(log(price * step) / UNIT)
