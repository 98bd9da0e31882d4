"""Any range of a tape, cut into the coarsest stored pieces that fit, up to the newest trade.

Order of reading is what makes the sum exact: saved position, aggregates, raw trades of the edges,
the coverage ledger, and the log's tail last (see `tail`). A range that begins or ends inside a
minute is answered from raw trades, but only where they prove to be all of that minute's; otherwise
the range is widened to whole minutes and the reading says so.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from cloud_marketdata.api.cuts import RAW, Cut, Edge, Reading, joined
from cloud_marketdata.api.neighbours import Neighbour, read_neighbour
from cloud_marketdata.api.tail import folded, read_tail, remember
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.coverage import saved_ledger
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

PROFILE_FRAMES: Final = (Timeframe.D1, Timeframe.H1, Timeframe.M1)
_EDGE_TRADES: Final = 200_000


class TileReader:
    """Reads ranges of one instrument's tape."""

    def __init__(self, stores: Stores, instrument: Instrument) -> None:
        self._stores = stores
        self._aggregates = stores.aggregates
        self._at = (instrument.venue, instrument.symbol)

    async def read(
        self, asked: TimeRange, frames: Sequence[Timeframe], *, before: bool = False
    ) -> Reading:
        """Read a range from aggregates of `frames`, coarsest first; `before` adds a neighbour.

        Where the finest frame is not a minute, the range must consist of its whole buckets.
        """
        finest = frames[-1]
        position = await self._aggregates.position(*self._at)
        inner = asked.narrowed(finest)
        tiles = await self._stored(inner, frames) if inner.start < inner.end else []
        edges = [await self._edge(minute, asked) for minute in _edges(asked, finest)]
        pieces: list[Edge | Neighbour] = list(edges)
        if before:
            pieces.append(await read_neighbour(self._aggregates, self._at, asked, finest))
        bounds = await self._aggregates.bounds(*self._at, Timeframe.S1)
        ledger = await saved_ledger(self._stores, *self._at, *asked.widened(finest), Covered.TRADES)
        stream = Stream(*self._at, StreamKind.TRADES)
        trades, caught_up = await read_tail(self._stores.log, stream, position)
        remember(ledger, trades)
        young = [placed.trade.exchange_time for placed in trades]
        cuts = [
            Cut(asked, folded(tiles, trades, inner, finest), used=_used(tiles, inner, young)),
            *(piece.cut(trades) for piece in pieces),
        ]
        newest = max([bounds[1] if bounds else 0, *young])
        return joined(asked, cuts, newest, ledger, caught_up=caught_up)

    async def _edge(self, minute: TimeRange, asked: TimeRange) -> Edge:
        stored = await self._aggregates.find_by_range(*self._at, Timeframe.M1, *minute)
        raw = await self._stores.trades.find_by_range(*self._at, *minute, limit=_EDGE_TRADES)
        wanted = TimeRange(max(minute.start, asked.start), min(minute.end, asked.end))
        return Edge(minute, wanted, stored, raw)

    async def _stored(self, within: TimeRange, frames: Sequence[Timeframe]) -> list[Aggregate]:
        """Return disjoint saved aggregates of a range, coarse ones where closed ones fit."""
        frame, *finer = frames
        if not finer:
            return await self._aggregates.find_by_range(*self._at, frame, *within)
        whole = within.narrowed(frame)
        coarse: list[Aggregate] = []
        if whole.start < whole.end:
            coarse = await self._aggregates.find_by_range(*self._at, frame, *whole)
        found = [tile for tile in coarse if tile.final]
        for piece in list(_uncovered(within, found)):
            found += await self._stored(piece, finer)
        return sorted(found, key=lambda tile: tile.start)


def _used(tiles: Sequence[Aggregate], inner: TimeRange, young: Sequence[int]) -> frozenset[str]:
    raw = {RAW} if any(map(inner.holds, young)) else set()
    return frozenset({tile.timeframe.value for tile in tiles} | raw)


def _edges(asked: TimeRange, frame: Timeframe) -> list[TimeRange]:
    """Return the buckets that a range covers only in part: none, one or two."""
    cut = {frame.floor(time) for time in asked if time % frame.ns}
    return [TimeRange(start, start + frame.ns) for start in sorted(cut)]


def _uncovered(within: TimeRange, tiles: Sequence[Aggregate]) -> Iterator[TimeRange]:
    at = within.start
    for tile in tiles:
        if at < tile.start:
            yield TimeRange(at, tile.start)
        at = tile.end
    if at < within.end:
        yield TimeRange(at, within.end)
