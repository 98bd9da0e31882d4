"""A trade far outside of the market that was quoted around it (definitions 4.1).

Its price lies beyond the lowest bid or above the highest ask of the half second before and after
it, by more than five spreads and by more than 20 bp. An order that took the price there is none:
the touch follows it. Judged at the end of the second in which its half second is over. The print
stays in the tape and in highs and lows; this says which field to doubt. Where the touch is unknown
for a moment of that second, nothing is told.
"""

from typing import ClassVar, Final, Self

from msgspec import Struct, field

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Second, Told

WINDOW: Final = 500 * NS_PER_MS
SPREADS: Final = 5
LEAST_BP: Final = 20
MOST_PENDING: Final = 256
_SLOT: Final = 100 * NS_PER_MS
_KEPT: Final = 25  # slots: two and a half seconds
_PER_TWICE: Final = 20_000 // LEAST_BP  # 20 bp of the mid are twice the mid through this


class Slot(Struct):
    """Lowest bid and highest ask in a tenth of a second that begins at `start`."""

    start: int
    low: int
    high: int


class Suspect(Struct):
    """An order outside of the touch that it met, and by how many ticks one may be outside."""

    cluster: Cluster
    low: int
    high: int
    limit: int


class OutlierPrint(Fold):
    """The touch of the last seconds, and orders whose half second is not over.

    unjudged: suspects that came while there were too many; where hundreds a second are outside of
    the touch, it is the book that is wrong.
    """

    name: ClassVar[str] = "outlier_print"

    slots: list[Slot] = field(default_factory=list)
    ends: int = 0
    bid: int = 0
    ask: int = 0
    suspects: list[Suspect] = field(default_factory=list)
    unjudged: int = 0

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Widen the present tenth of a second by the touch."""
        del change
        quote = scene.quote
        if quote is None:
            return self._forget()
        bid, ask = quote.bid, quote.ask
        if scene.time >= self.ends:
            self._begin(scene.time, min(bid, self.bid or bid), max(ask, self.ask))
        elif bid != self.bid or ask != self.ask:
            slot = self.slots[-1]
            if bid < slot.low:
                slot.low = bid
            if ask > slot.high:
                slot.high = ask
        self.bid, self.ask = bid, ask
        return ()

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Suspect an order that is far outside of the touch that it met."""
        touch = scene.before
        if touch is None:
            return ()
        near, far = cluster.prices[0][0], cluster.prices[-1][0]
        bid, ask = touch.bid, touch.ask
        limit = max(SPREADS * (ask - bid), (bid + ask) // _PER_TWICE)
        if max(near, far) <= ask + limit and min(near, far) >= bid - limit:
            return ()
        if len(self.suspects) < MOST_PENDING:
            self.suspects.append(Suspect(cluster, bid, ask, limit))
        else:
            self.unjudged += 1
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Judge those whose half second is over."""
        if not self.suspects:
            return ()
        end = second.start + NS_PER_S - WINDOW
        due = [suspect for suspect in self.suspects if suspect.cluster.time < end]
        del self.suspects[: len(due)]
        return [signal for suspect in due for signal in self._judged(scene, suspect)]

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Judge nothing by a book that is lost."""
        del fact
        return self._forget() if scene.book is None else ()

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Begin anew: only seconds are kept."""
        del tick_factor, lot_factor
        return type(self)()

    def _forget(self) -> Told:
        """Begin anew where nobody knows the touch, so that nothing can be outside of it."""
        self.suspects, self.slots, self.ends, self.bid, self.ask = [], [], 0, 0, 0
        return ()

    def _begin(self, time: int, low: int, high: int) -> None:
        start = time - time % _SLOT
        self.slots.append(Slot(start, low, high))
        del self.slots[:-_KEPT]
        self.ends = start + _SLOT

    def _judged(self, scene: Scene, suspect: Suspect) -> Told:
        """Hold the order against everything that was quoted around it."""
        time = suspect.cluster.time
        near = [s for s in self.slots if time - WINDOW - _SLOT < s.start <= time + WINDOW]
        low = min([suspect.low, *(slot.low for slot in near)])
        high = max([suspect.high, *(slot.high for slot in near)])
        beyond = max(suspect.cluster.high - high, low - suspect.cluster.low)
        if beyond > suspect.limit:
            yield self._signal(scene, suspect, (low, high), beyond)

    def _signal(
        self, scene: Scene, suspect: Suspect, touch: tuple[int, int], beyond: int
    ) -> Signal:
        cluster, scale = suspect.cluster, scene.instrument.scale
        return Signal(
            signal_id(SignalKind.OUTLIER_PRINT, scene.subject, cluster.time, cluster.first_id),
            SignalKind.OUTLIER_PRINT,
            scene.instrument,
            cluster.time,
            scene.time,
            cluster.time,
            SignalState.RESOLVED,
            Severity.WARN,
            beyond / suspect.limit,
            1.0,
            0.0,
            self.name,
            self.version,
            Evidence(cluster.first_id, cluster.last_id, cluster.trades),
            cluster.side,
            cluster.low,
            cluster.high,
            cluster.lots,
            ("high", "low"),
            {
                "statistic": "distance from the touch / limit",
                "lowest_bid": canonical(scale.price(touch[0])),
                "highest_ask": canonical(scale.price(touch[1])),
                "beyond_bp": beyond * 10_000 / touch[1],
                "window_ms": WINDOW // NS_PER_MS,
                "spreads": SPREADS,
                "least_bp": LEAST_BP,
                "unjudged": self.unjudged,
            },
        )
