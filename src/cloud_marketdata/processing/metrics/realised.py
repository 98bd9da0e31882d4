"""What a taker's price looks like some seconds later: the part of the spread that was kept.

A cluster waits until its time is over and then meets the mid that stood at that moment. Waiting
clusters are joined where they end within the same 100 ms (their time is rounded up), so that the
state is bounded however busy the market is. Where no mid is known at the end they are left out and
counted.
"""

from typing import Final

from msgspec import Struct

from cloud_marketdata.processing.flow.moments import Cluster

_GRAIN: Final = 100_000_000


class Waiting(Struct, array_like=True):
    """Clusters that end at `due` ns; sums over them, those with a sign being plus for buys.

    lots: signed lots. cost: signed 2 x ticks x lots paid. met: signed lots x twice the mid they
    met. mids: the same without sign, which is the weight. clusters: how many.
    """

    due: int
    lots: int = 0
    cost: int = 0
    met: int = 0
    mids: int = 0
    clusters: int = 0


class Horizon(Struct):
    """Clusters waiting for the end of `tau` ns, and the sums of those whose end has come.

    realised, impact: ticks x lots. mids: lots x twice the mid met. ended, missed: clusters.
    """

    tau: int
    waiting: list[Waiting] = []
    realised: int = 0
    impact: int = 0
    mids: int = 0
    ended: int = 0
    missed: int = 0

    def begin(self, cluster: Cluster, sign: int, twice_mid: int) -> None:
        """Let a cluster wait; clusters come in the order of time."""
        due = -(-cluster.time // _GRAIN) * _GRAIN + self.tau
        waiting = self.waiting
        if not waiting or waiting[-1].due < due:
            waiting.append(Waiting(due))
        last = waiting[-1]
        last.lots += sign * cluster.lots
        last.cost += 2 * sign * cluster.quote
        last.met += sign * cluster.lots * twice_mid
        last.mids += cluster.lots * twice_mid
        last.clusters += 1

    def end(self, time: int, twice_mid: int | None) -> None:
        """Take the mid that has stood until `time` ns for all that ended before."""
        waiting = self.waiting
        while waiting and waiting[0].due < time:
            one = waiting.pop(0)
            if twice_mid is None:
                self.missed += one.clusters
            else:
                later = one.lots * twice_mid
                self.realised += one.cost - later
                self.impact += later - one.met
                self.mids += one.mids
                self.ended += one.clusters

    def taken(self) -> list[int]:
        """Return realised, impact, mids, ended and missed, and begin new sums."""
        told = [self.realised, self.impact, self.mids, self.ended, self.missed]
        self.realised = self.impact = self.mids = self.ended = self.missed = 0
        return told
