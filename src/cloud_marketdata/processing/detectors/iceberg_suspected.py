"""A hidden order suspected behind one price (definitions 2.5). Only suspected: always `inferred`.

True detection needs order-by-order data, which these venues do not publish. Told where one price
was refilled at least three times within 60 s, each within 100 ms of having lost 80 % of its
display, three times the largest display was taken in all, and that is more than 99 % of taker
orders are: prices where crumbs of the least size come and go are refilled all day. Over when 60 s
pass without a refill. Where the book comes every 100 ms only, a refill may show as much later.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, Self

from msgspec import Struct, field

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level, StatusEvent
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Venue, canonical
from cloud_marketdata.processing.detectors.reload import PERCENT, SECONDS, Reload, Total, nearly_all
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.sketch import RollingSketch

SHARE: Final = 0.99
ENOUGH: Final = 1_000
"""Orders that must have been seen before anything is told."""
REFILLS: Final = 3
TIMES: Final = 3
WITHIN: Final = 100 * NS_PER_MS
MOST_PRICES: Final = 512
_PAUSE: Final = SECONDS * NS_PER_S
_LATER: Final = {Venue.BINANCE_SPOT: 100 * NS_PER_MS}
"""How much later a refill may show, where the book is not told at once."""


class Iceberg(Struct):
    """A price under suspicion, and what was told of it."""

    reload: Reload
    signal: Signal | None = None


class IcebergSuspected(Fold):
    """Prices that were nearly emptied lately, by passive side; `refused`: no room for more.

    usual: ticks x lots that 99 % of orders do not exceed, 0 while too few are known.
    """

    name: ClassVar[str] = "iceberg_suspected"
    version: ClassVar[int] = 2

    bids: dict[int, Iceberg] = field(default_factory=dict)
    asks: dict[int, Iceberg] = field(default_factory=dict)
    refused: int = 0
    orders: RollingSketch = field(default_factory=RollingSketch)
    usual: int = 0

    @property
    def warming(self) -> bool:
        """Whether too few orders are known."""
        return not self.usual

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Take what an order took of each price."""
        self.orders.add(cluster.time, cluster.quote)
        book = scene.book
        if book is None:
            return ()
        sell = cluster.side is Side.SELL
        prices, sizes = (self.bids, book.bids.sizes) if sell else (self.asks, book.asks.sizes)
        told: list[Signal] = []
        for price, lots in cluster.prices:
            one = prices.get(price) or self._begun(
                prices, price, lots, sizes.get(price, 0), cluster
            )
            if one and one.reload.hit(cluster, lots):
                told += self._judged(scene, one, price, cluster.side)
        return told

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """See what is displayed again."""
        told: list[Signal] = []
        if self.bids:
            told += self._displayed(scene, self.bids, change.bids, Side.SELL)
        if self.asks:
            told += self._displayed(scene, self.asks, change.asks, Side.BUY)
        return told

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Let go of prices that were not refilled for 60 s."""
        del scene
        before = second.start + NS_PER_S - _PAUSE
        return [*_over(self.bids, before), *_over(self.asks, before)]

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Let go of all suspicion where the book is lost."""
        del fact
        if scene.book is not None:
            return ()
        return [*_over(self.bids, scene.time + 1), *_over(self.asks, scene.time + 1)]

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Say anew what is large."""
        del scene, start
        whole = self.orders.whole()
        self.usual = (whole.quantile(SHARE) or 0) if whole.count >= ENOUGH else 0
        return ()

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Return the same with all suspicion begun anew."""
        factor = tick_factor * lot_factor
        return type(self)(orders=self.orders.rescaled(factor), usual=self.usual * factor)

    def _displayed(
        self, scene: Scene, prices: dict[int, Iceberg], levels: Iterable[Level], taker: Side
    ) -> Iterator[Signal]:
        within = WITHIN + _LATER.get(scene.instrument.venue, 0)
        for price, lots in levels:
            if price in prices and prices[price].reload.display(scene.time, lots, within):
                yield from self._judged(scene, prices[price], price, taker)

    def _judged(self, scene: Scene, one: Iceberg, price: int, taker: Side) -> Iterator[Signal]:
        """Tell of a price that was refilled just now, unless that is known."""
        if one.signal or not self.usual:
            return
        total = one.reload.total()
        large = total.lots * price > self.usual and total.lots >= TIMES * total.most_shown
        if large and total.refills >= REFILLS:
            one.signal = _signal(scene, total, price, taker)
            yield one.signal

    def _begun(
        self, prices: dict[int, Iceberg], price: int, lots: int, shown: int, cluster: Cluster
    ) -> Iceberg | None:
        """Suspect a price that has just lost nearly all of its display."""
        if not shown or not nearly_all(lots, shown):
            return None
        if len(prices) >= MOST_PRICES:
            self.refused += 1
            return None
        one = prices[price] = Iceberg(Reload(shown, cluster.time))
        return one


def _signal(scene: Scene, total: Total, price: int, taker: Side) -> Signal:
    return Signal(
        id=signal_id(SignalKind.ICEBERG_SUSPECTED, scene.subject, total.start, price),
        kind=SignalKind.ICEBERG_SUSPECTED,
        instrument=scene.instrument,
        start=total.start,
        detected=scene.time,
        end=None,
        state=SignalState.OPEN,
        severity=Severity.INFO,
        statistic=total.lots / total.most_shown,
        threshold=float(TIMES),
        baseline=1.0,
        detector=IcebergSuspected.name,
        version=IcebergSuspected.version,
        evidence=Evidence(total.first_id, total.last_id, total.trades),
        side=taker,
        low=price,
        high=price,
        size=total.lots,
        detail=_detail(scene, total),
    )


def _over(prices: dict[int, Iceberg], before: int) -> Iterator[Signal]:
    """Let go of prices whose last refill was before this time, and resolve what was told."""
    for price in [price for price, one in prices.items() if one.reload.refilled < before]:
        one = prices.pop(price)
        if one.signal:
            yield retold(one.signal, state=SignalState.RESOLVED, end=one.reload.last)


def _detail(scene: Scene, total: Total) -> dict[str, int | float | str | bool]:
    later = _LATER.get(scene.instrument.venue, 0)
    return {
        "inferred": True,
        "statistic": "A / Dmax",
        "refills": total.refills,
        "refills_least": REFILLS,
        "taken": canonical(scene.instrument.scale.size(total.lots)),
        "shown_most": canonical(scene.instrument.scale.size(total.most_shown)),
        "emptied_percent": PERCENT,
        "within_ms": (WITHIN + later) // NS_PER_MS,
        "window_s": SECONDS,
    }
