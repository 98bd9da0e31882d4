"""Everything between a socket and the log, without either: frames in, batches and wishes out.

Live connections and offline replay run the same object, which is why they give the same state.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cloud_marketdata.collectors.base import BaseCollector, Control, ControlKind
from cloud_marketdata.collectors.connection.watchdog import Rhythm
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.lane import Lane
from cloud_marketdata.collectors.lanes.rulers import Ruler
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Rejection,
    TapeDoubt,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import Batch, BookView, StreamKind


class Intake:
    """One connection's collector, lanes and counters; `counts` are its venue's and outlive it."""

    def __init__(self, collector: BaseCollector, desks: Desks, rejections: Rejections) -> None:
        self.collector = collector
        self.lanes: dict[str, Lane] = {}
        self.frames = 0
        self.waiting = 0
        self.counts = desks.counts
        self._controls: list[Control] = []
        self._known = {symbol: ruler.instrument for symbol, ruler in self._trade_rulers()}
        self._desks = desks
        self._rejections = rejections
        self._takers: dict[type, Callable[[Any], None]] = {
            TradeEvent: self._trade,
            BookDelta: self.book,
            BookSnapshot: self.book,
            BestQuote: self._quote,
            TapeDoubt: self._doubt,
            Rejection: rejections.add,
            Control: self._control,
        }

    def receive(self, payload: bytes, received_at: int) -> None:
        """Take one frame; never raises on any bytes."""
        self.receive_all((payload,), received_at)

    def receive_all(self, payloads: Sequence[bytes], received_at: int) -> None:
        """Take the frames of one read, in order; never raises on any bytes."""
        self.frames += len(payloads)
        self.counts["frames"] += len(payloads)
        self.waiting += len(payloads)
        decode, takers = self.collector.decode, self._takers
        for payload in payloads:
            for event in decode(payload, received_at):
                takers[type(event)](event)

    def book(self, event: BookSnapshot | BookDelta) -> None:
        """Take a book event, from the stream or (a snapshot) from REST."""
        self.lane(event.instrument.symbol).book(event)

    def lane(self, symbol: str) -> Lane:
        """Return the symbol's lane, made at its first event."""
        lane = self.lanes.get(symbol)
        if lane is None:
            collector = self.collector
            lane = self.lanes[symbol] = Lane(
                self._desks[symbol],
                collector.books.rule,
                self._rejections,
                levels_asked=collector.snapshot_levels,
            )
        return lane

    def rhythm(self, symbol: str, kind: StreamKind) -> Rhythm:
        """Return what is known of a stream's habit, on this connection and before."""
        return self._desks[symbol].rhythms[kind]

    def snapshot(self, symbol: str, event: BookSnapshot | Rejection) -> None:
        """Take what REST answered to a wish; a rejected answer leaves the wish open."""
        if isinstance(event, Rejection):
            self._rejections.add(event)
            self.lane(symbol).sync.snapshot_failed()
        else:
            self.book(event)

    @property
    def live(self) -> bool:
        """Whether market data has come, and not only answers to our commands."""
        return bool(self.lanes)

    @property
    def unpublished(self) -> bool:
        """Whether a book has changed since its view was last asked for."""
        return any(lane.book_changed for lane in self.lanes.values())

    @property
    def book_lost(self) -> bool:
        """Whether a book was lost since its view was last asked for: that must not wait."""
        return any(lane.book_lost for lane in self.lanes.values())

    def take(self) -> list[Batch]:
        """Return what is to be appended since the last call, by whichever connection."""
        self.waiting = 0
        return [batch for lane in self.lanes.values() for batch in lane.desk.take()]

    def take_gaps(self) -> list[tuple[str, TradeGap]]:
        """Return the gaps in tapes since the last call, with their symbols."""
        return [(lane.symbol, gap) for lane in self.lanes.values() for gap in lane.desk.take_gaps()]

    def take_controls(self) -> list[Control]:
        """Return the control frames since the last call."""
        taken = self._controls[:]
        self._controls.clear()
        return taken

    def refined(self) -> list[Instrument]:
        """Return the trade instruments whose scale became finer since the last call."""
        finer = [
            ruler.instrument
            for symbol, ruler in self._trade_rulers()
            if ruler.instrument is not self._known.get(symbol)
        ]
        self._known.update((instrument.symbol, instrument) for instrument in finer)
        return finer

    def views(self, levels: int, at: int, *, quiet: bool = False) -> list[BookView]:
        """Return the books that changed since the last call, or with `quiet` all of them.

        Only books for which this connection speaks are told. `at` is now in ns: each view says
        that its book was vouched for then.
        """
        chosen = [lane for lane in self.lanes.values() if quiet or lane.book_changed]
        for lane in chosen:
            lane.book_changed = lane.book_lost = False
        speaking = [lane for lane in chosen if lane.speaks]
        return [view for lane in speaking if (view := lane.view(levels, at)) is not None]

    def wishes(self) -> list[str]:
        """Return the symbols whose book wants a snapshot now; each is told once until it fails."""
        wanting = [
            lane for lane in self.lanes.values() if lane.sync.wants_snapshot and lane.sync.pending
        ]
        for lane in wanting:
            lane.sync.expect_snapshot()
        return [lane.symbol for lane in wanting]

    def _trade_rulers(self) -> Iterable[tuple[str, Ruler]]:
        return self.collector.trades.rulers.items()

    def _trade(self, trade: TradeEvent) -> None:
        symbol = trade.instrument.symbol
        (self.lanes.get(symbol) or self.lane(symbol)).trade(trade)

    def _control(self, control: Control) -> None:
        """Keep an answer; what was not read may have been trades whose loss no id will prove."""
        if control.kind is not ControlKind.UNREAD:
            self._controls.append(control)
            return
        lane = self.lanes.get(control.detail)
        for torn in (lane,) if lane else self.lanes.values():
            # A twin's repeat ends the fear, so what this connection brought must end here too.
            torn.trades_died(torn.trades_heard)
            torn.desk.tape.interrupted()

    def _quote(self, quote: BestQuote) -> None:
        self.lane(quote.instrument.symbol).quote(quote)

    def _doubt(self, doubt: TapeDoubt) -> None:
        self.lane(doubt.instrument.symbol).doubt(doubt)
