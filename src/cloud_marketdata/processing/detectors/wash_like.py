"""Hours whose orders look unlike independent trading: a statistic with p-values, no accusation.

Four tests per UTC hour with at least 500 orders: first digits of order sizes against Benford's law;
the share of round sizes, of one digit and zeros; the share of orders that repeat the size and price
of the one before from the other side; and volume against how far the mid went. The last three are
held against the up to 24 hours before, at least six. Told where two of them find a chance below one
in a thousand and a departure that matters. Bots that slice orders, market makers and listings all
look like this at times: what is found says how the hour differs, never why.
"""

from statistics import median
from typing import ClassVar, Final, Self

from msgspec import Struct, field

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.processing.detectors.size_tests import Verdict, above, benford, excess
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.robust import PER_MAD

HOUR: Final = 3_600 * NS_PER_S
MINUTE: Final = 60 * NS_PER_S
LEAST_ORDERS: Final = 500
LEAST_HOURS: Final = 6
HOURS: Final = 24
TESTS: Final = 2
CHANCE: Final = 0.001
# From here on a departure matters: Nigrini's bound of nonconformity for first digits, twice the
# usual share, and half as much volume again per distance.
MATTERS: Final = {"benford": 0.015, "round": 2.0, "echo": 2.0, "unmoved": 1.5}
_LEAST_SHARE: Final = 0.001


class Hour(Struct):
    """Counts of an hour: orders by first digit, round ones, echoes; lots, and ticks of way."""

    digits: list[int] = field(default_factory=lambda: [0] * 9)
    round: int = 0
    echoes: int = 0
    lots: int = 0
    way: int = 0

    @property
    def orders(self) -> int:
        """How many there were."""
        return sum(self.digits)


class WashLike(Fold):
    """The running hour, those before it, and the last order; ids of the hour's trades."""

    name: ClassVar[str] = "wash_like"

    hours: list[Hour] = field(default_factory=list)
    running: Hour = field(default_factory=Hour)
    lots: int = 0
    price: int = 0
    side: Side | None = None
    first_id: int | str | None = None
    last_id: int | str | None = None
    trades: int = 0

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Count the order."""
        del scene
        hour, lots, price = self.running, cluster.lots, cluster.prices[-1][0]
        text = str(lots)
        hour.digits[ord(text[0]) - 49] += 1  # the digit 1 has code 49 and index 0
        if text[-1] == "0" and len(text.rstrip("0")) == 1:
            hour.round += 1
        if lots == self.lots and price == self.price and cluster.side is not self.side:
            hour.echoes += 1
        hour.lots += lots
        self.lots, self.price, self.side = lots, price, cluster.side
        self.last_id = cluster.last_id
        self.trades += cluster.trades
        if self.first_id is None:
            self.first_id = cluster.first_id
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Add how far the mid went."""
        del scene
        before, after = second.quote_before, second.quote_after
        if before is not None and after is not None:
            self.running.way += abs(after.twice_mid - before.twice_mid)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Test the hour where it is over, and begin the next."""
        if (start + MINUTE) % HOUR:
            return ()
        told = [] if self.warming else list(self._tested(scene, start + MINUTE - HOUR))
        if self.running.orders >= LEAST_ORDERS:
            self.hours.append(self.running)
            del self.hours[:-HOURS]
        self.running, self.trades = Hour(), 0
        self.first_id = self.last_id = None
        return told

    @property
    def warming(self) -> bool:
        """Whether there are fewer than six hours to compare with."""
        return len(self.hours) < LEAST_HOURS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Begin anew: what is round on one grid is not on another."""
        del tick_factor, lot_factor
        return type(self)()

    def _tested(self, scene: Scene, start: int) -> Told:
        if self.running.orders < LEAST_ORDERS:
            return
        verdicts = _verdicts(self.running, self.hours)
        found = [
            name
            for name, verdict in verdicts.items()
            if verdict.p < CHANCE and verdict.departure >= MATTERS[name]
        ]
        if len(found) >= TESTS:
            yield self._signal(scene, start, verdicts, found)

    def _signal(
        self, scene: Scene, start: int, verdicts: dict[str, Verdict], found: list[str]
    ) -> Signal:
        detail: dict[str, int | float | str | bool] = {
            "statistic": "tests that find the hour unlike others",
            "found": ",".join(found),
            "orders": self.running.orders,
            "hours_before": len(self.hours),
            "meaning": "an unlikely pattern of sizes and sides; many causes are innocent",
        }
        for name, verdict in verdicts.items():
            for figure, value in verdict._asdict().items():
                detail[f"{name}_{figure}"] = value
        return Signal(
            signal_id(SignalKind.WASH_LIKE, scene.subject, start),
            SignalKind.WASH_LIKE,
            scene.instrument,
            start,
            start + HOUR,
            start + HOUR,
            SignalState.RESOLVED,
            Severity.INFO,
            float(len(found)),
            float(TESTS),
            0.0,
            self.name,
            self.version,
            Evidence(self.first_id, self.last_id, self.trades),
            size=self.running.lots,
            detail=detail,
        )


def _verdicts(hour: Hour, before: list[Hour]) -> dict[str, Verdict]:
    """Return all tests of an hour by their names; without a book volume is held against nothing."""
    orders = sum(past.orders for past in before)
    shares = {
        "round": (hour.round, sum(past.round for past in before)),
        "echo": (hour.echoes, sum(past.echoes for past in before)),
    }
    told = {"benford": benford(hour.digits)}
    for name, (now, then) in shares.items():
        # A share of 0 or 1 would make any departure infinitely unlikely.
        usual = min(1 - _LEAST_SHARE, max(_LEAST_SHARE, then / orders))
        told[name] = excess(now, hour.orders, usual)
    if hour.way and all(past.way for past in before):
        told["unmoved"] = _unmoved(hour, before)
    return told


def _unmoved(hour: Hour, before: list[Hour]) -> Verdict:
    """Hold lots per tick of way against those of the hours before, by their median deviation."""
    ratios = [past.lots / past.way for past in before]
    usual, ratio = median(ratios), hour.lots / hour.way
    mad = max(median(abs(each - usual) for each in ratios), usual / 100)
    z = PER_MAD * (ratio - usual) / mad
    return Verdict(ratio / usual, z, above(z))
