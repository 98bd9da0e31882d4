"""One answer of the live tape: what came since a cursor, how good it is, and where to go on."""

from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.api.envelope import Meta
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.mcp.tape.cursors import TapeCursor, decode
from cloud_marketdata.api.mcp.tape.following import Progress, Pulled, Tape
from cloud_marketdata.api.mcp.tape.losses import Losses, highest, losses
from cloud_marketdata.api.mcp.tape.orders import RULE, Orders, Wanted, orders_of
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import CoverageQuestion, MarketQuestion
from cloud_marketdata.api.resolutions import RAW
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.storage.ports import EventLog, Stream, StreamKind

_LONGEST_NS: Final = int(timedelta(days=365).total_seconds()) * NS_PER_S
_METHOD: Final = {
    "orders": RULE,
    "order": "as logged; late fills come when they come",
}


class Bounds(Struct, frozen=True):
    """How much one call may bring, and how long it may wait for it."""

    trades: int
    seconds: float
    wanted: Wanted


class Piece(Struct, frozen=True):
    """What one call brought; `continues` where its first order may be the rest of the last one."""

    instrument: Instrument
    pulled: Pulled
    orders: Orders
    lost: Losses
    cursor: TapeCursor
    continues: bool
    waited_s: float
    now: int
    meta: Meta


class TapeDesk:
    """Answers from the log of one deployment; hot_ns: how long it is sure to hold an entry."""

    def __init__(self, queries: Queries, log: EventLog, known: KnownMarkets, hot_ns: int) -> None:
        self._queries = queries
        self._log = log
        self._known = known
        self._hot_ns = hot_ns

    async def pull(
        self, asked: MarketQuestion, cursor: str | None, bounds: Bounds, progress: Progress
    ) -> Piece:
        """Return what came behind the cursor, or from the newest entry on without one.

        Raises UnknownMarketError or BadCursorError.
        """
        clock: Clock = self._queries.clock
        instrument = await self._known.find(asked)
        stream = Stream(instrument.venue, instrument.symbol, StreamKind.TRADES)
        tape = Tape(self._log, stream, clock, self._hot_ns)
        place = decode(cursor, stream) if cursor else await tape.newest()
        began = clock.monotonic()
        full = _Full(instrument, bounds)
        pulled = await tape.follow(place, bounds.seconds, full, progress)
        pulled.upto(full.cut(pulled.trades))
        trades = pulled.trades
        return Piece(
            instrument,
            pulled,
            orders_of(trades, instrument),
            losses(instrument, trades, place.high, whole=pulled.whole),
            _behind(place, pulled),
            bool(cursor and trades and trades[0].exchange_time == place.time),
            clock.monotonic() - began,
            clock.now(),
            await self._meta(asked, place, trades),
        )

    async def _meta(
        self, asked: MarketQuestion, place: TapeCursor, trades: list[TradeEvent]
    ) -> Meta:
        """Return how complete the tape is from the cursor to now, as coverage tells it."""
        now = self._queries.clock.now()
        start = min([place.time, *(trade.exchange_time for trade in trades[:1])])
        start = min(max(start, now - _LONGEST_NS), now - NS_PER_MS) // NS_PER_MS
        question = CoverageQuestion(
            venue=asked.venue,
            symbol=asked.symbol,
            start=max(0, start),
            end=max(0, start, now // NS_PER_MS) + 1,
        )
        meta = (await self._queries.coverage(question)).meta
        return meta.model_copy(update={"method": _METHOD, "resolution": [RAW]})


class _Full:
    """Says when enough trades of wanted orders were read, and where to cut what was read."""

    def __init__(self, instrument: Instrument, bounds: Bounds) -> None:
        self._instrument = instrument
        self._bounds = bounds
        self._wanted = 0

    def __call__(self, fresh: list[TradeEvent]) -> bool:
        """Count what is new; orders that are split between two reads are counted by their parts."""
        self._wanted += sum(
            one.cluster.trades
            for one in orders_of(fresh, self._instrument).taken
            if self._bounds.wanted.lets(one)
        )
        return self._wanted >= self._bounds.trades

    def cut(self, trades: list[TradeEvent]) -> int:
        """Return how many trades to give: up to the order that makes it enough, and no more."""
        count = 0
        ends = {trade.id: number + 1 for number, trade in enumerate(trades)}
        for one in orders_of(trades, self._instrument).taken:
            count += one.cluster.trades if self._bounds.wanted.lets(one) else 0
            if count >= self._bounds.trades:
                return ends[one.cluster.last_id]
        return len(trades)


def _behind(place: TapeCursor, pulled: Pulled) -> TapeCursor:
    """Return the cursor behind the last trade that is given."""
    if not pulled.trades:
        return place
    last, (position, number) = pulled.trades[-1], pulled.places[-1]
    high = highest(pulled.trades, place.high)
    return replace(place, position=position, given=number + 1, high=high, time=last.exchange_time)
