"""The worker of one instrument: read the log, fold, save with the positions, in a loop.

The only file of this layer that awaits. It starts by catching up: the first start, a restart and a
late start are one path, which begins behind the position that the stored aggregates include.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe
from cloud_marketdata.processing.rollup import Rollup
from cloud_marketdata.processing.windows import BucketKey, Windows
from cloud_marketdata.storage.coverage import fold_facts
from cloud_marketdata.storage.ports import Record, Stores, Stream, StreamKind

_READ: Final = 200
_IDLE_S: Final = 0.25
_RETRY_S: Final = 1.0

DayClosed = Callable[[Aggregate], Awaitable[None]]


class Worker:
    """Owns the aggregates of one trade stream, and the coverage ledger of its market.

    Nothing is acknowledged by a save that failed: it is tried again with everything that has been
    folded since, and the log keeps what is not inside a stored aggregate.
    """

    def __init__(
        self,
        stream: Stream,
        stores: Stores,
        clock: Clock,
        *,
        lateness_ms: int,
        save_ms: int,
        hot_minutes: int,
        day_closed: DayClosed,
    ) -> None:
        self.stream = stream
        self.position = 0
        self.saves = 0
        self.trouble = ""
        self._restored = False
        self._told = 0
        self.windows = Windows(lateness_ms * NS_PER_MS)
        self.ledger = Ledger(stream.venue, stream.symbol, Kept())
        self._stores = stores
        self._clock = clock
        self._lateness_ns = lateness_ms * NS_PER_MS
        self._save_s = save_ms / 1000
        self._hot_ns = hot_minutes * 60 * NS_PER_S
        self._rollup = Rollup(stream.venue, stream.symbol, stores.aggregates, day_closed)
        self._log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)

    async def run(self) -> None:
        """Catch up, then follow the log until cancelled."""
        try:
            await self._follow()
        except Exception as error:
            self.trouble = repr(error)
            raise

    async def _follow(self) -> None:
        await self.restore()
        last_save = self._clock.monotonic()
        while True:
            try:
                busy = await self.step()
                if self._clock.monotonic() - last_save >= self._save_s:
                    await self.save()
                    last_save, self.trouble = self._clock.monotonic(), ""
            except StorageError as error:
                self.trouble = str(error)
                self._log.warning("worker.storage_away", error=str(error))
                await self._clock.sleep(_RETRY_S)
                continue
            if not busy:
                await self._stores.log.wait(min(_IDLE_S, self._save_s))

    async def restore(self) -> None:
        """Load the open buckets, the ledger, and the positions from which to go on."""
        venue, symbol = self.stream.venue, self.stream.symbol
        aggregates = self._stores.aggregates
        self.position = await aggregates.position(venue, symbol)
        restored = await aggregates.open(venue, symbol)
        newest = await self._newest_time()
        self.windows = Windows(self._lateness_ns, restored, newest)
        self.ledger = Ledger(venue, symbol, await self._stores.coverage.find(venue, symbol, 0, 0))
        await self._rollup.restore()
        self._restored = True
        self._log.info("worker.restored", position=self.position, open=len(restored))

    async def finish(self) -> None:
        """Fold and store what the log still holds; for a time when nobody appends any more."""
        if not self._restored:
            await self.restore()
        while await self.step():
            pass
        await self.save()

    async def step(self) -> bool:
        """Fold what the log holds behind our position; return whether there was anything."""
        records = await self._stores.log.read(self.stream, after=self.position, limit=_READ)
        for record in records:
            await self._fold(record)
        return bool(records)

    async def save(self) -> None:
        """Close what is due and store every change, all with the positions inside."""
        self.windows.close()
        changed = self.windows.changed()
        await fold_facts(self._stores.log, self.ledger)
        ledger = self.ledger.changes()
        if not changed and ledger is None:
            return
        rolled = await self._rollup.due(changed, self.windows.watermark)
        await self._stores.aggregates.save([*changed, *rolled], ledger)
        self.windows.saved()
        self.ledger.saved()
        self.saves += 1
        await self._rollup.saved(rolled)
        await self._trim()

    async def _trim(self) -> None:
        """Let go from the log what is old and inside what has been saved."""
        log, before = self._stores.log, self._clock.now() - self._hot_ns
        await log.trim(self.stream, upto=self.position, before=before)
        if self.ledger.status_at > self._told:
            # Facts are seldom; a market that trades all the time need not look for old ones.
            status = self.stream._replace(kind=StreamKind.STATUS)
            await log.trim(status, upto=self.ledger.status_at, before=before)
            self._told = self.ledger.status_at

    async def _fold(self, record: Record) -> None:
        # A stream of kind TRADES holds nothing else.
        trades = cast("Sequence[TradeEvent]", record.events)
        needed = self.windows.needed(trades)
        if needed:
            self.windows.reopen([await self._stored(key, trades[0]) for key in needed])
        self.windows.fold(trades, record.position)
        self.ledger.fold_trades(record.position, trades)
        self.position = record.position

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
