"""A random market as its three streams, in the order of arrival, and a fold that sees everything.

Every event comes less than the lateness after its time, but trades that are late on purpose.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from random import Random
from typing import ClassVar

from worker_tape import BTC, START, S

from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    LogEvent,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import Side
from cloud_marketdata.processing.flow.moments import Arrival, Cluster, Fold, Scene, Second, Told
from cloud_marketdata.storage.ports import Batch, Record, Stream, StreamKind

STREAMS = {kind: Stream(BTC.venue, BTC.symbol, kind) for kind in StreamKind}
MS = S // 1000


class Witness(Fold):
    """Chains all that it is told into one digest, so that any difference in order shows."""

    name: ClassVar[str] = "witness"
    digest: str = ""
    clusters: int = 0

    def _note(self, scene: Scene, *what: object) -> None:
        seen = (self.digest, scene.time, scene.quote, scene.before, scene.book is None, what)
        self.digest = blake2b(repr(seen).encode(), digest_size=8).hexdigest()

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Note it, and tell of every fifth, the same signal three times."""
        self._note(scene, cluster)
        self.clusters += 1
        if self.clusters % 5:
            return ()
        number = self.clusters // 15
        return (
            Signal(
                signal_id(SignalKind.SWEEP, scene.subject, number),
                SignalKind.SWEEP,
                scene.instrument,
                cluster.time,
                scene.time,
                None,
                SignalState.OPEN,
                Severity.INFO,
                None,
                None,
                None,
                self.name,
                1,
                detail={"digest": self.digest},
                revision=self.clusters // 5 % 3,
            ),
        )

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Note it, with the whole book."""
        self._note(scene, change, scene.book and scene.book.top(50))
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Note it."""
        self._note(scene, second)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Note it."""
        self._note(scene, "minute", start)
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Note it."""
        self._note(scene, fact)
        return ()

    def reading(self, scene: Scene) -> Reading:
        """Tell the digest."""
        self._note(scene, "reading")
        return {"digest": self.digest, "clusters": self.clusters}


class Clerk(Witness):
    """A witness that also sees how the log came."""

    name: ClassVar[str] = "clerk"

    def on_arrival(self, scene: Scene, arrival: Arrival) -> Told:
        """Note it."""
        self._note(scene, arrival)
        return ()


def dice(seed: int) -> Random:
    """Return chance that a seed decides."""
    return Random(seed)  # noqa: S311  a market, not a secret


def market(seed: int, seconds: int = 150, *, late: int = 0, facts: bool = True) -> list[LogEvent]:
    """Return the events of a market in the order of their arrival."""
    draw = dice(seed)
    events: list[tuple[int, LogEvent]] = []
    for number in range(seconds * 2):
        time = START + number * S // 2 + draw.randrange(400) * MS
        way = draw.randrange(1_900) * MS
        events.append((time + way, trade(number + 1, time, way, draw)))
    for number in range(late):
        time = START + draw.randrange(max(1, seconds - 40)) * S
        way = 30 * S + draw.randrange(9) * S
        events.append((time + way, trade(10_000 + number, time, way, draw)))
    events += _book(draw, seconds)
    if facts:
        events += _facts(draw, seconds)
    events.sort(key=lambda one: one[0])
    return [event for _, event in events]


def trade(number: int, time: int, way: int, draw: Random) -> TradeEvent:
    """Return a trade near 60,000."""
    price, size = 600_000 + draw.randrange(-20, 20), draw.randrange(1, 50)
    side = draw.choice((Side.BUY, Side.SELL))
    flags = 1 if draw.random() < 0.02 else 0
    return TradeEvent(BTC, number, price, size, side, time, time + way, number, 1, flags)


def _book(draw: Random, seconds: int) -> list[tuple[int, LogEvent]]:
    """Return a book that is lost and found a few times."""
    events: list[tuple[int, LogEvent]] = []
    came = START
    for number in range(seconds * 3):
        time = START + number * S // 3
        came = max(came, time + draw.randrange(1, 900) * MS)
        mid = 600_000 + draw.randrange(-5, 5)
        bids = tuple((mid - 1 - step, draw.randrange(1, 9)) for step in range(3))
        asks = tuple((mid + 1 + step, draw.randrange(1, 9)) for step in range(3))
        if number % 97 == 0:
            events.append((came, BookSnapshot(BTC, number, bids, asks, time, came)))
        else:
            events.append((came, BookDelta(BTC, number, number, None, bids, asks, time, came)))
    return events


def _facts(draw: Random, seconds: int) -> list[tuple[int, LogEvent]]:
    kinds = (StatusKind.ALIVE, StatusKind.BOOK_LOST, StatusKind.BOOK_SYNCED)
    times = (START + second * S + draw.randrange(S) for second in range(1, seconds, 7))
    return [
        (at, StatusEvent(BTC.venue, BTC.symbol, draw.choice(kinds), at, {"update_id": 97}))
        for at in times
    ]


def batches(events: Iterable[LogEvent], draw: Random) -> list[Batch]:
    """Put events into entries of one stream each, as they come, of random lengths."""
    made: list[Batch] = []
    for event in events:
        stream = STREAMS[_kind(event)]
        last = made[-1] if made else None
        if last and last.stream == stream and len(last.events) < draw.randrange(1, 6):
            made[-1] = Batch(stream, [*last.events, event])
        else:
            made.append(Batch(stream, [event]))
    return made


def streams(entries: Sequence[Batch]) -> dict[StreamKind, list[Record]]:
    """Return the log that holds these entries, by the kind of its streams."""
    log: dict[StreamKind, list[Record]] = {kind: [] for kind in StreamKind}
    for position, (stream, events, _) in enumerate(entries, 1):
        log[stream.kind].append(Record(position, events))
    return log


def _kind(event: LogEvent) -> StreamKind:
    if isinstance(event, TradeEvent):
        return StreamKind.TRADES
    return StreamKind.STATUS if isinstance(event, StatusEvent) else StreamKind.BOOK
