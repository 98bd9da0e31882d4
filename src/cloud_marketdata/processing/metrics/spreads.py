"""What it costs to trade: quoted, effective and realised spread, and impact (definitions 2.6).

Quoted is weighted by time. Effective holds each cluster against the last mid strictly before it;
realised against the mid 5 s and 60 s later, in the minute in which that time ended; impact is the
difference of the two. Both are weighted by lots times the mid that was met. Clusters that met no
touch, or a crossed one, are left out and counted.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct, convert, field
from msgspec.structs import asdict

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Quote, Scene, Second, Told
from cloud_marketdata.processing.metrics.measures import Figure
from cloud_marketdata.processing.metrics.realised import Horizon

TAUS: Final = (5, 60)
_US: Final = 1_000
_MINUTE: Final = 60 * NS_PER_S
_BP: Final = 10_000
_PLAIN: Final = ("quoted", "mids", "held", "effective", "met", "clusters", "unquoted")
_BY_END: Final = ("realised_5s", "realised_60s")


class Sums(Struct):
    """A reading with its types.

    quoted: ticks x us, mids: twice the mid x us, held: us with a touch. effective: ticks x lots,
    met: lots x twice the mid. realised_5s, realised_60s: as `Horizon.taken` says.
    """

    quoted: int = 0
    mids: int = 0
    held: int = 0
    effective: int = 0
    met: int = 0
    clusters: int = 0
    unquoted: int = 0
    realised_5s: list[int] = []
    realised_60s: list[int] = []


class Spreads(Fold):
    """The touch since `since` us, the sums of the minute, and the clusters that still wait."""

    name: ClassVar[str] = "spreads"

    bid: int = 0
    ask: int = 0
    since: int = 0
    sums: Sums = field(default_factory=Sums)
    horizons: list[Horizon] = field(
        default_factory=lambda: [Horizon(tau * NS_PER_S) for tau in TAUS]
    )

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Hold a cluster against the touch it met."""
        met, sums = scene.before, self.sums
        if met is None or met.bid >= met.ask:
            sums.unquoted += 1
            return ()
        twice_mid = met.twice_mid
        sign = 1 if cluster.side is Side.BUY else -1
        sums.effective += sign * (2 * cluster.quote - twice_mid * cluster.lots)
        sums.met += twice_mid * cluster.lots
        sums.clusters += 1
        for horizon in self.horizons:
            horizon.begin(cluster, sign, twice_mid)
        return ()

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Weigh what stood until now, where a best price has changed."""
        del change
        quote = scene.quote
        if quote is None or quote.bid != self.bid or quote.ask != self.ask:
            self._turn(scene.time, quote)
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Weigh nothing while the book is lost."""
        del fact
        if scene.book is None:
            self._turn(scene.time, None)
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """End the waiting of those whose time came within a quiet stretch."""
        del scene
        self._end(second.start + NS_PER_S)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Weigh until the end of the minute."""
        del scene
        self._end(start + _MINUTE)
        self._weigh(start + _MINUTE)
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the sums of the minute; None where there was neither touch nor cluster."""
        del scene
        sums, self.sums = self.sums, Sums()
        sums.realised_5s, sums.realised_60s = (horizon.taken() for horizon in self.horizons)
        idle = not (sums.held or sums.clusters or sums.unquoted)
        return None if idle and not any(sums.realised_60s) else asdict(sums)

    def _turn(self, time: int, quote: Quote | None) -> None:
        self._end(time)
        self._weigh(time)
        usable = quote is not None and quote.bid < quote.ask
        self.bid, self.ask = (quote.bid, quote.ask) if quote and usable else (0, 0)

    def _weigh(self, time: int) -> None:
        """Add what stood until `time` ns."""
        now = max(time // _US, self.since)
        if self.ask:
            self.sums.quoted += (self.ask - self.bid) * (now - self.since)
            self.sums.mids += (self.ask + self.bid) * (now - self.since)
            self.sums.held += now - self.since
        self.since = now

    def _end(self, time: int) -> None:
        """Let those whose time ended before `time` ns meet the mid."""
        twice_mid = self.bid + self.ask if self.ask else None
        for horizon in self.horizons:
            if horizon.waiting and horizon.waiting[0].due < time:
                horizon.end(time, twice_mid)


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the sums of all."""
    parts = convert(readings, list[Sums])
    whole = {name: sum(getattr(part, name) for part in parts) for name in _PLAIN}
    return whole | {name: _added([getattr(part, name) for part in parts]) for name in _BY_END}


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the spreads in bp of the mid; None where there was nothing to weigh."""
    del scale
    sums = convert(reading, Sums)
    figures: dict[str, Figure] = {
        "quoted_bp": _bp(sums.quoted, sums.mids),
        "effective_bp": _bp(sums.effective, sums.met),
        "clusters": sums.clusters,
        "clusters_without_touch": sums.unquoted,
        "book_ms": sums.held // 1_000,
    }
    for tau, ended in zip(TAUS, (sums.realised_5s, sums.realised_60s), strict=True):
        realised, impact, mids, count, missed = ended
        figures |= {
            f"realised_{tau}s_bp": _bp(realised, mids),
            f"impact_{tau}s_bp": _bp(impact, mids),
            f"ended_{tau}s": count,
            f"missed_{tau}s": missed,
        }
    return figures


def _bp(ticks: int, twice_mids: int) -> float | None:
    """Return `ticks` in bp of a mid of which twice is given, both weighted alike."""
    return 2 * _BP * ticks / twice_mids if twice_mids else None


def _added(columns: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*columns, strict=True)]
