"""Which share of the last hour of each market is proven, looked up now and then beside all else.

Proven is what the ledger calls complete or repaired; where a venue's ids prove nothing, what came
over an unbroken connection is the best there is. The share is of the time from the first to the
newest that is known in that hour: a market that has just begun lacks nothing, and how long ago the
newest was is told by the age of its stream. A market that told nothing for an hour has 0, and one
that has told its first trade just now has no share yet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.telemetry.catalogue import COVERAGE
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.coverage import (
    PROVEN,
    CoverageState,
    Covered,
    Interval,
    durations,
    partition,
)
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.coverage import fold_trades, saved_ledger
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

_EVERY_S: Final = 30.0
_FIRST_S: Final = 3.0
"""How soon it looks again where there is no market yet, or one that has just begun."""
_AT_MOST: Final = 0.1
"""Of its time this spends looking; with many markets it looks less often."""

Market = tuple[Venue, str]


class Proving:
    """Knows the `shares` of the last look; a market that could not be looked up has none.

    markets: which are ours to tell of; None for every one in the log.
    """

    def __init__(
        self, stores: Stores, clock: Clock, markets: Callable[[], Sequence[Market]] | None
    ) -> None:
        self.shares: Mapping[Market, float] = {}
        self._stores = stores
        self._clock = clock
        self._markets = markets

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = self._clock.monotonic()
            whole = False
            try:
                whole = await self.look()
            except StorageError as error:
                self.shares = {}
                structlog.get_logger().info("proving.stores_away", error=str(error))
            took = self._clock.monotonic() - began
            pause = _EVERY_S if whole else _FIRST_S
            await self._clock.sleep(max(pause, took / _AT_MOST))

    async def look(self) -> bool:
        """Look up every market once; return whether each has a share. Raises StorageError."""
        shares = {market: await self._share(*market) for market in await self._ours()}
        self.shares = {market: share for market, share in shares.items() if share is not None}
        return 0 < len(self.shares) == len(shares)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for (venue, symbol), share in self.shares.items():
            yield COVERAGE.of(share, venue.exchange.value, venue.value, symbol)

    async def _ours(self) -> Sequence[Market]:
        if self._markets is not None:
            return self._markets()
        streams = await self._stores.log.streams()
        return [(one.venue, one.symbol) for one in streams if one.kind is StreamKind.TRADES]

    async def _share(self, venue: Venue, symbol: str) -> float | None:
        end = self._clock.now()
        start = end - Timeframe.H1.ns
        ledger = await saved_ledger(self._stores, venue, symbol, start, end, Covered.TRADES)
        await fold_trades(self._stores.log, ledger)
        known = [one for one in ledger.intervals(Covered.TRADES) if one.overlaps(start, end)]
        if not known:
            return None if await self._begins(venue, symbol, start) else 0.0
        good = PROVEN if venue.contiguous_ids else (*PROVEN, CoverageState.UNBROKEN)
        return share_of(known, good, start, end)

    async def _begins(self, venue: Venue, symbol: str, start: int) -> bool:
        """Whether trades have come since `start`, too few of them to know anything of."""
        newest = await self._stores.log.last(Stream(venue, symbol, StreamKind.TRADES))
        return newest is not None and any(
            isinstance(event, TradeEvent) and event.exchange_time >= start
            for event in newest.events
        )


def share_of(
    known: Sequence[Interval], good: Sequence[CoverageState], start: int, end: int
) -> float:
    """Return the good share of [start, end), as far as anything is known within."""
    assert known, "a share of nothing"
    first = max(start, min(one.start for one in known))
    last = min(end, max(one.end for one in known))
    lasting = durations(partition(known, first, last))
    return sum(lasting[state] for state in good) / (last - first)
