"""One price whose display is taken and shown again, as a hidden order would do it.

A refill is counted where at least 80 % of the display was taken and 80 % of it is back in time.
What is taken beyond the display, in one order or before the book is told again, must have been
hidden: that is a refill too, one an order at most. All is kept by the second, for 60 s.
"""

from typing import Final, NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.flow.moments import Cluster

PERCENT: Final = 80
SECONDS: Final = 60


class Pulse(Struct, array_like=True):
    """One second: its first hit, lots taken, most displayed, refills, and the trades."""

    second: int
    start: int
    lots: int
    shown: int
    refills: int
    first_id: int | str
    last_id: int | str
    trades: int


class Total(NamedTuple):
    """What the pulses of the window add up to."""

    start: int
    lots: int
    most_shown: int
    refills: int
    first_id: int | str
    last_id: int | str
    trades: int


class Reload(Struct, array_like=True):
    """A price that was nearly emptied once.

    shown: displayed before it was taken, 0 where nothing is. taken: lots since then. emptied: when
    80 % were gone, 0 where they are not. last: time of the last hit. refilled: of the last refill,
    or of the beginning.
    """

    shown: int
    refilled: int
    taken: int = 0
    emptied: int = 0
    last: int = 0
    pulses: list[Pulse] = []

    def hit(self, cluster: Cluster, lots: int) -> bool:
        """Take lots that an order took here; return whether that shows a refill."""
        pulse = self._pulse(cluster)
        pulse.lots += lots
        pulse.trades += cluster.trades
        pulse.last_id, self.last = cluster.last_id, cluster.time
        self.taken += lots
        hidden = self.taken > self.shown > 0
        if hidden:
            # What went beyond the display is the first of the next one.
            self.taken = self.taken % self.shown or self.shown
            self._refill(cluster.time)
        if self.shown and nearly_all(self.taken, self.shown):
            self.emptied = cluster.time
        return hidden

    def display(self, time: int, lots: int, within: int) -> bool:
        """Take what is displayed from `time` ns on; return whether that is a refill.

        within: ns that a refill may take.
        """
        waiting = bool(self.emptied) and time - self.emptied <= within
        refilled = waiting and nearly_all(lots, self.shown)
        pulse = self.pulses[-1]
        if lots > pulse.shown:
            pulse.shown = lots
        if refilled:
            self._refill(time)
        if refilled or not waiting:
            # From here on this display is the one to be taken.
            self.shown, self.taken, self.emptied = lots, 0, 0
        return refilled

    def total(self) -> Total:
        """Add up the window."""
        pulses = self.pulses
        return Total(
            pulses[0].start,
            sum(pulse.lots for pulse in pulses),
            max(pulse.shown for pulse in pulses),
            sum(pulse.refills for pulse in pulses),
            pulses[0].first_id,
            pulses[-1].last_id,
            sum(pulse.trades for pulse in pulses),
        )

    def _refill(self, time: int) -> None:
        self.pulses[-1].refills += 1
        self.refilled = time

    def _pulse(self, cluster: Cluster) -> Pulse:
        """Return the pulse of a cluster's second, and let go of those that are too old."""
        second, pulses = cluster.time // NS_PER_S, self.pulses
        if not pulses or pulses[-1].second < second:
            first, last = cluster.first_id, cluster.last_id
            pulses.append(Pulse(second, cluster.time, 0, self.shown, 0, first, last, 0))
            while pulses[0].second <= second - SECONDS:
                del pulses[0]
        return pulses[-1]


def nearly_all(lots: int, shown: int) -> bool:
    """Whether so many lots are at least 80 % of those displayed."""
    return lots * 100 >= shown * PERCENT
