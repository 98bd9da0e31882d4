"""Silence of a feed that is longer than its own rhythm explains, for trades and book apart.

A channel is stale when nothing of it came for the longer of 3 s and 20 times the 99 % quantile of
its gaps (half-life 10 min). Gaps are those between log entries by our clock, signals stand in match
time. While one channel is silent the others, and the collector's own sign of life, let time go on;
where all stopped the silence is told with its end. Nothing is told before a channel has a rhythm.
Bybit's rule of 6 s is about its top of book, which repeats every 3 s; that is not what we log, so
its books are judged by their rhythm too.
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from msgspec import Struct, field

from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.processing.detectors.rhythm import Rhythm
from cloud_marketdata.processing.flow.moments import Arrival, Fold, Scene, Told

CHANNELS: Final = frozenset({"trades", "book"})
LEAST_NS: Final = 3 * NS_PER_S
TIMES: Final = 20
GAPS_NEEDED: Final = 100
AFFECTS: Final = ("freshness",)


class Channel(Struct):
    """One stream's rhythm, when it last came, and since when its silence has been told.

    last: by our clock. at: the same moment in match time, as is `told_at`, 0 while nothing is told.
    """

    rhythm: Rhythm = field(default_factory=Rhythm)
    last: int = 0
    at: int = 0
    told_at: int = 0

    @property
    def patience(self) -> int | None:
        """How many ns of silence are ordinary; None before that is known."""
        if self.rhythm.count < GAPS_NEEDED:
            return None
        return max(LEAST_NS, TIMES * self.rhythm.usual())


class StaleFeed(Fold):
    """Tells when a channel falls silent and when it comes again.

    looked: the second in which silence was last looked for, by our clock.
    """

    name: ClassVar[str] = "stale_feed"
    channels: dict[str, Channel] = field(default_factory=dict)
    looked: int = 0

    @property
    def warming(self) -> bool:
        """Whether a channel has no rhythm yet."""
        counts = [one.rhythm.count for one in self.channels.values()]
        return not counts or min(counts) < GAPS_NEEDED

    def on_arrival(self, scene: Scene, arrival: Arrival) -> Told:
        """Take a log entry: the end of a silence, or a moment in which another one is noticed."""
        now = arrival.received_at
        told: list[Signal] = []
        if now // NS_PER_S > self.looked:
            self.looked = now // NS_PER_S
            told += self._silent(scene, now)
        if arrival.kind in CHANNELS:
            told += self._came(scene, arrival.kind, now)
        return told

    def _silent(self, scene: Scene, now: int) -> Iterable[Signal]:
        for name, channel in self.channels.items():
            patience = channel.patience
            if channel.told_at or patience is None or now - channel.last <= patience:
                continue
            channel.told_at = scene.time
            yield _signal(scene, name, channel, now, patience, ended=False)

    def _came(self, scene: Scene, name: str, now: int) -> Iterable[Signal]:
        channel = self.channels.get(name)
        if channel is None:
            channel = self.channels[name] = Channel(last=now, at=scene.time)
            return
        if channel.told_at:
            patience = channel.patience or LEAST_NS
            yield _signal(scene, name, channel, now, patience, ended=True)
            channel.told_at = 0
        elif now > channel.last:
            # A silence that was told is a fault, and no part of what is usual.
            channel.rhythm.add(now, now - channel.last)
        channel.last, channel.at = max(channel.last, now), scene.time


def _signal(
    scene: Scene, name: str, channel: Channel, now: int, patience: int, *, ended: bool
) -> Signal:
    usual = channel.rhythm.usual()
    return Signal(
        signal_id(SignalKind.STALE_FEED, scene.subject, channel.at, name),
        SignalKind.STALE_FEED,
        scene.instrument,
        channel.at,
        channel.told_at,
        scene.time if ended else None,
        SignalState.RESOLVED if ended else SignalState.OPEN,
        Severity.WARN,
        (now - channel.last) / NS_PER_S,
        patience / NS_PER_S,
        usual / NS_PER_S,
        StaleFeed.name,
        StaleFeed.version,
        affects=AFFECTS,
        detail={
            "channel": str(name),
            "silence_ms": (now - channel.last) // NS_PER_MS,
            "times": TIMES,
        },
        revision=int(ended),
    )
