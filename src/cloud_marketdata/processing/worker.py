"""The fold of one market: read its log, put trades into buckets, save them with the positions.

It starts by catching up: the first start, a restart and a late start are one path, which begins
behind the position that the stored aggregates include. Nothing is acknowledged before it is saved.
It refuses nothing but trades that come too late for what has been forgotten; those are counted.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.processing.horizons import Horizons
from cloud_marketdata.processing.rollup import Rollup
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.unsaved_trades import UnsavedTrades
from cloud_marketdata.processing.windows import BucketKey, Windows
from cloud_marketdata.storage.coverage import fold_facts
from cloud_marketdata.storage.ports import LogReader, Record, Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.ports import Forget

_READ: Final = 200
_TOLD_IDS: Final = 100


def _nobody_else(_: StreamKind) -> int:
    return 1 << 62


class Worker:
    """Holds the aggregates of one trade stream, and the coverage ledger of its market.

    fence: the token of the lease under which it saves; one that has been fenced off is of no use
    any more. A save that failed is tried again with everything that has been folded since. `tally`
    counts what is to be told of it, and outlives it. `needed` says for whoever else reads the log
    of this market above which position of a stream; nothing above it is trimmed.
    """

    def __init__(
        self,
        stream: Stream,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        *,
        fence: int,
        tally: Tally,
    ) -> None:
        self.stream = stream
        self.position = 0
        self.saves = 0
        self.ledger = Ledger(stream.venue, stream.symbol, Kept())
        self.needed: Callable[[StreamKind], int] = _nobody_else
        self._fence = fence
        self._tally = tally
        self._stores = stores
        self._clock = clock
        self._lateness_ns = settings.lateness_ms * NS_PER_MS
        self._hot_ns = settings.hot_minutes * Timeframe.M1.ns
        self._held_most = settings.held_buckets
        self.windows = Windows(self._lateness_ns)
        self._reader: LogReader
        self._read: deque[Record] = deque()
        self._unsure = False
        self._unsaved = UnsavedTrades()
        self._known_at = clock.now()
        self._trimmed_facts = 0
        self._rollup = Rollup(stream.venue, stream.symbol, stores.aggregates)
        self._log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)

    @property
    def full(self) -> bool:
        """Whether so much is unsaved that nothing more may be read."""
        return self.windows.unsaved >= self._held_most

    @property
    def saved_until(self) -> int:
        """Until when everything that was received is saved, in ns, as far as it is known here."""
        oldest = self._unsaved.oldest
        return self._known_at if oldest is None else min(oldest, self._known_at)

    @property
    def counts(self) -> dict[str, int]:
        """What its ledger and its sums count."""
        return {**self.ledger.counts, "refused_sums": self._rollup.refused}

    async def restore(self) -> None:
        """Load the open buckets, the ledger, and the positions from which to go on.

        First of all the fence is shown to the store: whoever had the market before can save nothing
        from then on, so what is read afterwards stays as it is. Raises FencedError where that is
        somebody newer.
        """
        venue, symbol = self.stream.venue, self.stream.symbol
        aggregates = self._stores.aggregates
        await aggregates.forget(venue, symbol, Timeframe.S1, 0, fence=self._fence)
        self.ledger = Ledger(venue, symbol, await self._stores.coverage.find(venue, symbol, 0, 0))
        # The ledger is ahead where the last entries held only what came too late.
        inside = await aggregates.position(venue, symbol)
        self.position = max(inside, self.ledger.trades_at)
        restored = await aggregates.open(venue, symbol)
        horizons = await Horizons.read(aggregates, venue, symbol)
        newest = await self._newest_time()
        self.windows = Windows(self._lateness_ns, restored, newest, horizons)
        # A market that had been closed by time stays closed, whatever its trades say.
        self.windows.passed(await self._rollup.restore())
        self._reader = await self._stores.log.reader(self.stream, after=self.position)
        self._read.clear()
        self._log.info("worker.restored", position=self.position, open=len(restored))

    async def finish(self) -> None:
        """Fold and store what the log still holds; for a time when nobody appends any more."""
        inside = -1
        while inside < self.position:
            inside = self.position
            await self.step()
            if self.full:
                await self.save()
        await self.save()

    async def step(self) -> bool:
        """Fold a share of the log behind our position; return whether there may be more."""
        if self._unsure:
            await self._look_again()
        more = bool(self._read) or await self._read_on()
        while self._read:
            # It stays the first one until it is inside, whatever fails on the way.
            await self._fold(self._read[0])
            self._read.popleft()
        return more

    async def _read_on(self) -> bool:
        looked_at = self._clock.now()
        self._read.extend(await self._reader.read(_READ))
        if len(self._read) == _READ:
            return True
        # There was no more: what came before this look is here.
        self._known_at = looked_at
        return False

    async def save(self) -> None:
        """Close what is due and store every change, all with the positions inside."""
        self.windows.close()
        changed = self.windows.changed()
        await fold_facts(self._stores.log, self.ledger)
        ledger = self.ledger.changes()
        if not changed and ledger is None:
            return
        rolled = await self._rollup.due(changed, self.windows.watermark)
        await self._stores.aggregates.save([*changed, *rolled], ledger, fence=self._fence)
        self.windows.saved()
        self.ledger.saved()
        self.saves += 1
        processed = self._tally.processed
        processed.since(self.stream.venue, self._unsaved.take(), self._clock.now())
        self._rollup.saved()
        await self._reader.acknowledge(self.position)
        await self._trim()

    async def forget(self, forget: Forget) -> bool:
        """Save, then have forgotten what the next tier holds; return whether there is more of it.

        Nothing is folded meanwhile, and afterwards with the new horizons only.
        """
        await self.save()
        # An error may come when some of it has been forgotten already.
        self._unsure = True
        turn = await forget(self.stream.venue, self.stream.symbol, fence=self._fence)
        await self._look_again()
        self.windows.passed(turn.passed)
        # A market that is quiet saves nothing, and its raw trades grow old nevertheless.
        await self._trim()
        return turn.more

    async def _look_again(self) -> None:
        venue, symbol = self.stream.venue, self.stream.symbol
        self.windows.horizons = await Horizons.read(self._stores.aggregates, venue, symbol)
        self._unsure = False

    async def _trim(self) -> None:
        """Let go from the log what is old and inside what has been saved."""
        log, before = self._stores.log, self._clock.now() - self._hot_ns
        inside = min(self.position, self.needed(StreamKind.TRADES))
        await log.trim(self.stream, upto=inside, before=before)
        known = min(self.ledger.status_at, self.needed(StreamKind.STATUS))
        if known > self._trimmed_facts:
            # Facts are seldom; a market that trades all the time need not look for old ones.
            status = self.stream._replace(kind=StreamKind.STATUS)
            await log.trim(status, upto=known, before=before)
            self._trimmed_facts = known

    async def _fold(self, record: Record) -> None:
        # A stream of kind TRADES holds nothing else.
        come = cast("Sequence[TradeEvent]", record.events)
        trades = self.windows.timely(come)
        if trades:
            needed = self.windows.needed(trades)
            if needed:
                self.windows.reopen([await self._stored(key, trades[0]) for key in needed])
            self.windows.fold(trades, record.position)
            self._unsaved.add(trades)
        # What is too late is left out here too: its ids stay missing.
        self.ledger.fold_trades(record.position, trades)
        self.position = record.position
        if len(trades) < len(come):
            self._tell_late(come)

    def _tell_late(self, trades: Sequence[TradeEvent]) -> None:
        limit = self.windows.horizons.trades
        late = [trade.id for trade in trades if trade.exchange_time < limit]
        self._tally["too_late"] += len(late)
        self._log.warning("worker.too_late", trades=len(late), ids=late[:_TOLD_IDS], horizon=limit)

    async def _stored(self, key: BucketKey, trade: TradeEvent) -> Aggregate:
        timeframe, start = key
        found = await self._stores.aggregates.find_by_range(
            self.stream.venue, self.stream.symbol, timeframe, start, start + 1
        )
        return found[0] if found else Aggregate(trade.instrument, timeframe, start)

    async def _newest_time(self) -> int:
        venue, symbol = self.stream.venue, self.stream.symbol
        bounds = await self._stores.aggregates.bounds(venue, symbol, Timeframe.M1)
        if bounds is None:
            return 0
        last = await self._stores.aggregates.find_by_range(
            venue, symbol, Timeframe.M1, bounds[1], bounds[1] + 1
        )
        return max((item.span.last[0] for item in last if item.span), default=0)
