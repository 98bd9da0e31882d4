"""Aggression against one price over the last ten seconds, beside what was displayed there.

Hits are joined by the second, so the window is between nine and ten seconds long and never longer.
A contest is over when its price has not been hit for ten seconds.
"""

from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.flow.moments import Cluster

SECONDS: Final = 10


class Beat(Struct, array_like=True):
    """The hits of one second: when the first was, lots, most lots displayed, and the trades."""

    second: int
    start: int
    lots: int
    shown: int
    first_id: int | str
    last_id: int | str
    trades: int


class Contest(Struct, array_like=True):
    """The beats within the window, ascending, and their lots; `shown` is displayed now.

    begun, last: times of the first and last hit of all; taken, trades: of all. first_shown:
    displayed at the first hit. peak: most lots the window ever held. told: a signal was made of it.
    """

    begun: int
    first_shown: int
    shown: int
    beats: list[Beat] = []
    lots: int = 0
    peak: int = 0
    last: int = 0
    taken: int = 0
    trades: int = 0
    told: bool = False

    def hit(self, cluster: Cluster, lots: int, shown: int) -> None:
        """Take the lots that a taker order took here, of so many displayed before it."""
        second, beats = cluster.time // NS_PER_S, self.beats
        self.shown, self.last = shown, cluster.time
        if beats and beats[-1].second >= second:
            beat = beats[-1]
            beat.lots += lots
            beat.last_id = cluster.last_id
            beat.trades += cluster.trades
            if shown > beat.shown:
                beat.shown = shown
        else:
            first, last, trades = cluster.first_id, cluster.last_id, cluster.trades
            beats.append(Beat(second, cluster.time, lots, shown, first, last, trades))
            self._forget(second - SECONDS)
        self.lots += lots
        self.taken += lots
        self.trades += cluster.trades
        if self.lots > self.peak:
            self.peak = self.lots

    def display(self, lots: int) -> None:
        """Take what is displayed from now on."""
        self.shown = lots
        beat = self.beats[-1]
        if lots > beat.shown:
            beat.shown = lots

    def over(self, second: int) -> bool:
        """Whether nothing was hit within the window that ends with `second`."""
        return self.beats[-1].second <= second - SECONDS

    @property
    def most_shown(self) -> int:
        """Most lots displayed within the window."""
        return max(beat.shown for beat in self.beats)

    def _forget(self, second: int) -> None:
        """Let go of beats up to `second`."""
        beats = self.beats
        while beats[0].second <= second:
            self.lots -= beats.pop(0).lots
