"""Reads what a plan needs to know: first of the whole market, then the pieces that are due."""

from collections import defaultdict
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository, Record, Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.pieces import Piece, Step
from cloud_marketdata.storage.tiering.plan import WAITED_NS, Market, open_holes

_KEPT = (Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1)


class Heard(NamedTuple):
    """How far a market's log is inside its aggregates, in time.

    as_of: now, or when the oldest entry came that is not inside. quiet: whether all is inside, and
    the newest came so long ago that no more are waited for.
    """

    as_of: int
    quiet: bool


async def heard(stores: Stores, venue: Venue, symbol: str, kept: Kept, clock: Clock) -> Heard:
    """Tell what time it is for a market: a worker that lags must not find its trades too late."""
    now = clock.now()
    stream = Stream(venue, symbol, StreamKind.TRADES)
    inside = max(await stores.aggregates.position(venue, symbol), kept.marks.trades)
    behind = await stores.log.read(stream, after=inside, limit=1)
    if behind:
        return Heard(min(now, _received(behind[0])), quiet=False)
    last = await stores.log.last(stream)
    return Heard(now, quiet=last is None or _received(last) + WAITED_NS <= now)


async def read_market(
    aggregates: AggregateRepository, venue: Venue, symbol: str, as_of: int, kept: Kept
) -> Market:
    """Return what is known of the market before any of its pieces is read."""
    horizons, oldest, newest_day = {}, {}, None
    for timeframe in _KEPT:
        horizons[timeframe] = await aggregates.horizon(venue, symbol, timeframe)
        bounds = await aggregates.bounds(venue, symbol, timeframe)
        if bounds:
            oldest[timeframe] = bounds[0]
            newest_day = bounds[1] if timeframe is Timeframe.D1 else None
    return Market(as_of, horizons, oldest, newest_day, open_holes(kept.rows))


async def read_pieces(
    aggregates: AggregateRepository, venue: Venue, symbol: str, step: Step, starts: range
) -> list[Piece]:
    """Return the pieces that begin at `starts`, with their parts, ascending."""
    parts = await aggregates.find_by_range(venue, symbol, step.part, starts.start, starts.stop)
    wholes = parts
    if parts and step.whole is not step.part:
        wholes = await aggregates.find_by_range(
            venue, symbol, step.whole, starts.start, starts.stop
        )
    whole = {one.start: one for one in wholes}
    grouped: defaultdict[int, list[Aggregate]] = defaultdict(list)
    for part in parts:
        grouped[step.whole.floor(part.start)].append(part)
    return [Piece(start, grouped[start], whole.get(start)) for start in starts]


def _received(record: Record) -> int:
    """Return when the first trade of an entry came; a stream of trades holds nothing else."""
    return min(event.received_at for event in record.events if isinstance(event, TradeEvent))
