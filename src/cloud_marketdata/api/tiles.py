"""Any range of a tape, cut into the coarsest stored pieces that fit, up to the newest trade.

Order of reading is what makes the sum exact: saved position, aggregates, raw trades of the edges,
the coverage ledger, and the log's tail last (see `tail`). A range that begins or ends inside a
minute is answered from raw trades, but only where they prove to be all of that minute's; otherwise
the range is widened to whole minutes and the reading says so. What lies wholly behind the horizon
of minutes needs neither the log nor a second computation (see `settled`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from cloud_marketdata.api.cuts import Cut, Edge, Reading, joined
from cloud_marketdata.api.horizons import Horizons, read_horizons
from cloud_marketdata.api.neighbours import Neighbour, read_neighbour
from cloud_marketdata.api.resolutions import HOT, RAW, WARM, Piece, Source, pieces_of
from cloud_marketdata.api.settled import Making, SettledReader, tiles_of
from cloud_marketdata.api.shelves import Shelves
from cloud_marketdata.api.stretches import Stretch, buckets_of
from cloud_marketdata.api.tail import Placed, Tail, folded, read_tail, remember
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.answers import KeptAnswers
from cloud_marketdata.storage.coverage import saved_ledger
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

T = TypeVar("T")

_EDGE_TRADES: Final = 200_000
_TRIES: Final = 8


class TileReader:
    """Reads ranges of one instrument's tape."""

    def __init__(
        self, stores: Stores, instrument: Instrument, answers: KeptAnswers, trees: TimeTrees
    ) -> None:
        self._stores = stores
        self._aggregates = stores.aggregates
        self._at = (instrument.venue, instrument.symbol)
        self._trees = trees
        self._settled = SettledReader(answers, trees, self._at)

    async def horizons(self) -> Horizons:
        """Return what has left the warm tier by now."""
        return await read_horizons(self._aggregates, self._at)

    def shelves(self, horizons: Horizons) -> Shelves:
        """Return the market's stored buckets."""
        return Shelves(self._stores, self._at, horizons)

    async def steadily(
        self, read: Callable[[Horizons], Awaitable[tuple[TimeRange | None, T]]]
    ) -> T:
        """Return what `read` makes of a range that it names, from horizons that stood still.

        What is forgotten between two of its reads would be in neither, so then it reads again. None
        for a range says that nothing was read which could be forgotten.
        """
        horizons = await self.horizons()
        for _ in range(_TRIES):
            within, made = await read(horizons)
            if within is None:
                return made
            now = await self.horizons()
            if now.inside(within) == horizons.inside(within):
                return made
            horizons = now
        msg = f"buckets of {self._at[0]} {self._at[1]} are being forgotten while they are read"
        raise StorageError(msg)

    async def read(
        self, asked: TimeRange, making: Making, horizons: Horizons, *, before: bool = False
    ) -> Reading:
        """Read a range from what `making` names; `before` adds a neighbour.

        Where the finest frame is not a minute, the range must consist of its whole buckets; its
        ends must be cuts that the horizons allow.
        """
        finest = making.frames[-1]
        shelves = self.shelves(horizons)
        old, young = horizons.divided(asked)
        live = young.start < young.end
        position = await self._aggregates.position(*self._at) if live else 0
        inner = young.narrowed(finest)
        tiles: list[Aggregate] = []
        if inner.start < inner.end:
            tiles = await tiles_of(making, inner, shelves, self._trees, position)
        beside: list[Edge | Neighbour] = [
            await self._edge(minute, asked) for minute in _edges(asked, finest)
        ]
        if before:
            beside.append(await read_neighbour(shelves, asked, finest))
        cuts = [await self._settled.read(old, making, shelves)] if old.start < old.end else []
        newest = 0 if making.summed else await shelves.newest()
        ledger = await self._ledger(asked.widened(finest), live=live)
        tail = await self._tail(position, horizons) if live else None
        trades = tail.trades if tail else []
        remember(ledger, trades)
        cuts += [_live(tiles, trades, inner, finest, horizons)]
        cuts += [piece.cut(trades) for piece in beside]
        newest = max([newest, *(placed.trade.exchange_time for placed in trades)])
        return joined(asked, cuts, newest, ledger, tail)

    async def _edge(self, minute: TimeRange, asked: TimeRange) -> Edge:
        stored = await self._aggregates.find_by_range(*self._at, Timeframe.M1, *minute)
        raw = await self._stores.trades.find_by_range(*self._at, *minute, limit=_EDGE_TRADES)
        wanted = TimeRange(max(minute.start, asked.start), min(minute.end, asked.end))
        return Edge(minute, wanted, stored, raw)

    async def _ledger(self, within: TimeRange, *, live: bool) -> Ledger:
        """Return what is known of a range; of a settled one all of it has been saved long ago."""
        if live:
            return await saved_ledger(self._stores, *self._at, *within, Covered.TRADES)
        kept = await self._stores.coverage.find(*self._at, *within, Covered.TRADES)
        return Ledger(*self._at, kept)

    async def _tail(self, position: int, horizons: Horizons) -> Tail:
        stream = Stream(*self._at, StreamKind.TRADES)
        return await read_tail(self._stores.log, stream, position, since=horizons.late)


def _live(
    tiles: Sequence[Aggregate],
    tail: Sequence[Placed],
    inner: TimeRange,
    finest: Timeframe,
    horizons: Horizons,
) -> Cut:
    """Return stored buckets with the trades that are too young to be inside."""
    parts = folded(tiles, tail, inner, finest)
    stored = {tile.start: buckets_of(tile, horizons.days) for tile in tiles}
    buckets = [
        bucket
        for part in parts
        for bucket in stored.get(part.start) or [Piece(part.start, part.end, Source(RAW, HOT))]
    ]
    used = {tile.timeframe.value for tile in tiles}
    if any(inner.holds(placed.trade.exchange_time) for placed in tail):
        used.add(RAW)
    pieces = pieces_of(inner, buckets, lambda _: Source(finest.value, WARM))
    lasting = all(isinstance(part, Stretch) for part in parts)
    kept = inner.start >= inner.end
    return Cut(inner, parts, None, frozenset(used), pieces, lasting=lasting, kept=kept)


def _edges(asked: TimeRange, frame: Timeframe) -> list[TimeRange]:
    """Return the buckets that a range covers only in part: none, one or two."""
    cut = {frame.floor(time) for time in asked if time % frame.ns}
    return [TimeRange(start, start + frame.ns) for start in sorted(cut)]
