"""Pieces of a tape that are joined into one reading of a range."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from cloud_marketdata.api.resolutions import HOT, RAW, WARM, Piece, Source, touching
from cloud_marketdata.api.tail import Placed, Tail, folded
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Timeframe

_COARSEST_FIRST: Final = (*(frame.value for frame in reversed(Timeframe)), RAW)


class Cut(Struct, frozen=True):
    """Disjoint parts of a range, and the nearest known trades before it.

    used: what the parts were made of, timeframes and `trades`. pieces: the same by time. lasting:
    whether the same parts, as the same objects, come again while nothing has changed. kept: whether
    no bucket had to be read, because the parts were kept for these horizons.
    """

    range: TimeRange
    parts: list[Aggregate]
    before: Aggregate | None = None
    used: frozenset[str] = frozenset()
    pieces: Sequence[Piece] = ()
    lasting: bool = False
    kept: bool = False


class Reading(Struct, frozen=True):
    """What is known of a range.

    range: the range answered, the asked one or a wider one. parts: disjoint aggregates, ascending.
    resolution: what the parts were made of, coarsest first. pieces: the same by time, touching each
    other and filling the range. before: the nearest known trades before the range, where they were
    asked for. newest: newest match time seen, or 0. ledger: what is known of the range's
    completeness, folded from the same trades. live: whether the log's young trades were read, which
    settled time does not need. caught_up: whether every logged trade is inside. lasting, kept: as
    of its cuts. notes: what a reader must be told of the range itself.
    """

    range: TimeRange
    parts: list[Aggregate]
    resolution: tuple[str, ...]
    pieces: tuple[Piece, ...]
    before: Aggregate | None
    newest: int
    ledger: Ledger
    live: bool
    caught_up: bool
    lasting: bool = False
    kept: bool = False
    notes: tuple[str, ...] = ()


class Edge(Struct, frozen=True):
    """A minute that a range covers in part: its saved sum and its raw trades, read before the tail.

    Whether the log still has all of the minute's trades is not asked but counted: the raw trades
    must be as many as the minute's tape span holds.
    """

    minute: TimeRange
    wanted: TimeRange
    stored: list[Aggregate]
    raw: list[TradeEvent]

    def cut(self, tail: Sequence[Placed]) -> Cut:
        """Return the wanted part from raw trades, or the whole minute where some are gone."""
        whole = folded(self.stored, tail, self.minute, Timeframe.M1)
        known = {(trade.exchange_time, trade.sequence): trade for trade in self.raw}
        for _, trade in tail:
            if self.minute.holds(trade.exchange_time):
                known[trade.exchange_time, trade.sequence] = trade
        if len(known) != sum(part.span.trades for part in whole if part.span):
            source = Source(Timeframe.M1.value, WARM)
            pieces = [Piece(*self.minute, source)]
            return Cut(self.minute, whole, used=frozenset({Timeframe.M1}), pieces=pieces)
        trades = [known[key] for key in sorted(known)]
        inside = self._sum(trade for trade in trades if self.wanted.holds(trade.exchange_time))
        return Cut(
            self.wanted,
            [inside] if inside else [],
            before=self._sum(t for t in trades if t.exchange_time < self.wanted.start),
            used=frozenset({RAW}),
            pieces=[Piece(*self.wanted, Source(RAW, HOT))],
        )

    def _sum(self, trades: Iterable[TradeEvent]) -> Aggregate | None:
        total: Aggregate | None = None
        for trade in trades:
            if total is None:
                total = Aggregate(trade.instrument, Timeframe.M1, self.minute.start)
            total.add(trade)
        return total


def joined(
    asked: TimeRange, cuts: Sequence[Cut], newest: int, ledger: Ledger, tail: Tail | None
) -> Reading:
    """Join disjoint cuts of one range into a reading; settled time has no tail."""
    parts = sorted((part for cut in cuts for part in cut.parts), key=_first_time)
    before = [cut.before for cut in cuts if cut.before and cut.before.span]
    used = frozenset().union(*(cut.used for cut in cuts))
    return Reading(
        range=TimeRange(
            min(asked.start, *(cut.range.start for cut in cuts)),
            max(asked.end, *(cut.range.end for cut in cuts)),
        ),
        parts=parts,
        resolution=tuple(label for label in _COARSEST_FIRST if label in used),
        pieces=touching(piece for cut in cuts for piece in cut.pieces),
        before=max(before, key=_last_time, default=None),
        newest=max([newest, *map(_last_time, parts)]),
        ledger=ledger,
        live=tail is not None,
        caught_up=tail is None or tail.caught_up,
        lasting=all(cut.lasting for cut in cuts),
        kept=tail is None and all(cut.kept for cut in cuts),
    )


def _first_time(part: Aggregate) -> int:
    return part.span.first[0] if part.span else part.start


def _last_time(part: Aggregate) -> int:
    return part.span.last[0] if part.span else part.start
