"""Level absorption: large aggression against one price that does not give way (definitions 2.3 A).

At the end of a second, a price has absorbed if within the last 10 s A >= Q, the best quote went no
more than d_max beyond it, and A was at least 1.5 times what was ever displayed there. Q is the
99.5 % quantile of what prices took in 24 h. It is open until the hold is over, 15 s after the first
hit, then held; broken as soon as quotes or trades go more than d_max beyond it, within an hour.
Where the book was not known throughout, the displayed size is left out: `tape_only`.
"""

from collections.abc import Iterator
from typing import ClassVar, Final, Self

from msgspec import Struct, field
from msgspec.structs import replace

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.signal import Evidence, Signal, SignalState
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.processing.detectors.absorbed import (
    HOLD,
    REFILLED,
    SHARE,
    Finding,
    absorbed,
    slack_at,
)
from cloud_marketdata.processing.detectors.contest import SECONDS, Contest
from cloud_marketdata.processing.detectors.front import Front, Reach
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.sketch import RollingSketch

ENOUGH: Final = 1_000
"""Prices that must have been contested before anything is told."""
MOST_WATCHED: Final = 64
_HOUR: Final = 3_600 * NS_PER_S


class Watched(Struct):
    """A told absorption, and what would end it: `due` is when it has held, `slack` is d_max.

    contest: when the contest began that it was told of. taken, trades: what that contest had seen
    before the window. last: time of the last hit.
    """

    signal: Signal
    price: int
    slack: int
    due: int
    contest: int
    taken: int
    trades: int
    last: int

    def follow(self, contest: Contest | None) -> None:
        """Add what has been taken since, while the same contest goes on."""
        if contest is None or contest.begun != self.contest or contest.last == self.last:
            return
        first, last = self.signal.evidence.first_id, contest.beats[-1].last_id
        evidence = Evidence(first, last, contest.trades - self.trades)
        self.signal = replace(self.signal, size=contest.taken - self.taken, evidence=evidence)
        self.last = contest.last

    def outcome(self, reach: Reach, time: int) -> Signal | None:
        """Return its next telling by `time` ns, or None where nothing has come of it."""
        signal = self.signal
        opened = signal.state is SignalState.OPEN
        since = signal.start if opened else time - NS_PER_S
        if reach.beyond(self.price, since) > self.slack:
            return retold(signal, state=SignalState.BROKEN, end=self.last)
        if opened and time >= self.due:
            return retold(signal, state=SignalState.HELD, end=self.last)
        return None


class Absorption(Fold):
    """Both fronts, what prices usually take, and the absorptions whose outcome is still awaited.

    usual: Q in ticks x lots, 0 while too little is known. book_since: since when the book is
    known without a break, 0 where it is not. refused: prices there was no room for.
    """

    name: ClassVar[str] = "absorption"

    bids: Front = field(default_factory=lambda: Front(Reach(1)))
    asks: Front = field(default_factory=lambda: Front(Reach(-1)))
    sizes: RollingSketch = field(default_factory=RollingSketch)
    usual: int = 0
    book_since: int = 0
    watched: list[Watched] = field(default_factory=list)
    refused: int = 0

    @property
    def warming(self) -> bool:
        """Whether too few contested prices are known."""
        return not self.usual

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Let it attack the side that it met."""
        book = scene.book
        if cluster.side is Side.SELL:
            self.refused += self.bids.attack(cluster, book.bids if book else None)
        else:
            self.refused += self.asks.attack(cluster, book.asks if book else None)
        return ()

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """See what is displayed, and where the touch stands."""
        if not self.book_since:
            self.book_since = scene.time
        if self.bids.contests:
            self.bids.display(change.bids)
        if self.asks.contests:
            self.asks.display(change.asks)
        quote = scene.quote
        if quote is not None:
            self.bids.reach.take(scene.time, quote.bid)
            self.asks.reach.take(scene.time, quote.ask)
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Notice that the book is lost."""
        del fact
        if scene.book is None:
            self.book_since = 0
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Judge the prices that were hit within the second, and those told before."""
        told: list[Signal] = []
        number = second.start // NS_PER_S
        if self.watched:
            told += self._outcomes(second.start + NS_PER_S)
        for front, taker in ((self.bids, Side.SELL), (self.asks, Side.BUY)):
            if self.usual:
                told += self._found(scene, front, taker, second)
            for taken in front.leave(number):
                self.sizes.add(second.start, taken)
        return told

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Say anew what is large."""
        del scene, start
        whole = self.sizes.whole()
        self.usual = (whole.quantile(SHARE) or 0) if whole.count >= ENOUGH else 0
        return ()

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Return the same in finer steps, with contests begun anew."""
        return replace(
            self,
            bids=Front(Reach(1)),
            asks=Front(Reach(-1)),
            sizes=self.sizes.rescaled(tick_factor * lot_factor),
            usual=self.usual * tick_factor * lot_factor,
            watched=[
                replace(one, price=one.price * tick_factor, slack=one.slack * tick_factor)
                for one in self.watched
            ],
        )

    def _found(self, scene: Scene, front: Front, taker: Side, second: Second) -> Iterator[Signal]:
        """Tell of the prices that were hit within the second and have absorbed."""
        number, end = second.start // NS_PER_S, second.start + NS_PER_S
        for price, contest in front.contests.items():
            if contest.lots * price < self.usual or contest.told:
                continue
            start = contest.beats[0].start
            seen = 0 < self.book_since <= start
            slack, beyond = slack_at(price), front.reach.beyond(price, start)
            refilled = not seen or contest.lots >= REFILLED * contest.most_shown
            if contest.beats[-1].second == number and beyond <= slack and refilled:
                contest.told = True
                finding = Finding(price, taker, contest, beyond, slack, seen, self.usual)
                signal = absorbed(scene, finding, end)
                self._watch(signal, price, contest)
                yield signal

    def _watch(self, signal: Signal, price: int, contest: Contest) -> None:
        """Await an outcome; where there are too many, the oldest one is not awaited any more."""
        del self.watched[: len(self.watched) + 1 - MOST_WATCHED]
        due = signal.start + (SECONDS + HOLD) * NS_PER_S
        taken, trades = contest.taken - contest.lots, contest.trades - signal.evidence.trades
        one = Watched(
            signal, price, slack_at(price), due, contest.begun, taken, trades, contest.last
        )
        self.watched.append(one)

    def _outcomes(self, time: int) -> Iterator[Signal]:
        """Tell whose hold is over, and who was broken, by `time` ns."""
        watched, self.watched = self.watched, []
        for one in watched:
            front = self.bids if one.signal.side is Side.SELL else self.asks
            if one.signal.state is SignalState.OPEN:
                one.follow(front.contests.get(one.price))
            turn = one.outcome(front.reach, time)
            if turn:
                one.signal = turn
                yield turn
            if one.signal.state is not SignalState.BROKEN and time < one.due + _HOUR:
                self.watched.append(one)
