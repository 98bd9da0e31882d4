"""Order flow imbalance at the touch (Cont, Kukanov, Stoikov; definitions 2.6).

Every change of the best quote adds what was gained at the bid and lost at the ask, in lots. The
pair across a snapshot is skipped: nobody knows what happened in between. Beside it stands how well
the imbalance of 10 s explains the change of the mid, which says whether the figure means anything.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct, convert

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_S, canonical
from cloud_marketdata.processing.flow.moments import Fold, Quote, Scene, Second, Told
from cloud_marketdata.processing.metrics.linear_fit import Fit, joined
from cloud_marketdata.processing.metrics.measures import Figure

WINDOW: Final = 10 * NS_PER_S
MILLI: Final = 1_000


def flow(old_bid: Level, old_ask: Level, new_bid: Level, new_ask: Level) -> int:
    """Return e_n of definitions 2.6 in lots: positive where the change speaks for a higher price.

    What is repeated gives 0, and mirroring bid and ask changes nothing but the sign.
    """
    gained = 0
    if new_bid[0] >= old_bid[0]:
        gained += new_bid[1]
    if new_bid[0] <= old_bid[0]:
        gained -= old_bid[1]
    if new_ask[0] <= old_ask[0]:
        gained -= new_ask[1]
    if new_ask[0] >= old_ask[0]:
        gained += old_ask[1]
    return gained


class Ofi(Fold):
    """Imbalance, depth and changes of the running minute, and of the running 10 s before them.

    `begun` is twice the mid with which the 10 s began at `begun_at`, None where nobody can judge
    them.
    """

    name: ClassVar[str] = "ofi"

    last: Quote | None = None
    ofi: int = 0
    depth: int = 0
    changes: int = 0
    begun: int | None = None
    begun_at: int = 0
    window_ofi: int = 0
    window_depth: int = 0
    window_changes: int = 0
    fit: Fit = Fit()

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Add what the change did to the touch."""
        new, old = scene.quote, self.last
        if new == old:
            return ()
        self.last = new
        if old is None or new is None or isinstance(change, BookSnapshot):
            self.begun = None
            return ()
        self.window_ofi += flow(old[1:3], old[3:], new[1:3], new[3:])
        self.window_depth += new.bid_size + new.ask_size
        self.window_changes += 1
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Forget the touch where the book is lost."""
        del fact
        if scene.book is None:
            self.last = self.begun = None
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """End the 10 s where their last second is over."""
        del scene
        end = second.start + NS_PER_S
        if end % WINDOW:
            return ()
        mid = self.last.twice_mid if self.last else None
        if self.begun is not None and mid is not None and end - self.begun_at == WINDOW:
            self.fit = self.fit.observed(self._relative(), mid - self.begun)
        self._settle()
        self.begun, self.begun_at = mid, end
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the minute's sums, None without a single change of the touch."""
        del scene
        if self.window_changes:
            self._settle()
            self.begun = None
        told: Reading = {
            "ofi": self.ofi,
            "depth": self.depth,
            "changes": self.changes,
            "fit": list(self.fit),
        }
        changes, self.ofi, self.depth, self.changes = self.changes, 0, 0, 0
        self.fit = Fit()
        return told if changes else None

    def _settle(self) -> None:
        """Add the 10 s to the minute."""
        self.ofi += self.window_ofi
        self.depth += self.window_depth
        self.changes += self.window_changes
        self.window_ofi = self.window_depth = self.window_changes = 0

    def _relative(self) -> int:
        """Imbalance in thousandths of the average depth of one side; 0 where nothing changed."""
        if not self.window_depth:
            return 0
        return round(2 * MILLI * self.window_ofi * self.window_changes / self.window_depth)


class Sums(Struct, frozen=True):
    """A reading with its types."""

    ofi: int
    depth: int
    changes: int
    fit: Fit

    @property
    def average_depth(self) -> float:
        """Lots of one side of the touch, averaged over its changes."""
        return self.depth / (2 * self.changes)


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the sums of all."""
    parts = convert(readings, list[Sums])
    return {
        "ofi": sum(part.ofi for part in parts),
        "depth": sum(part.depth for part in parts),
        "changes": sum(part.changes for part in parts),
        "fit": list(joined([part.fit for part in parts])),
    }


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write sizes in base units; `r_squared_10s` is of the mid's change on the imbalance."""
    sums = convert(reading, Sums)
    depth = sums.average_depth
    return {
        "ofi": canonical(scale.size(sums.ofi)),
        "average_depth": canonical(scale.size(round(depth))),
        "ofi_per_depth": sums.ofi / depth if depth else None,
        "changes": sums.changes,
        "r_squared_10s": sums.fit.r_squared,
        "windows_10s": sums.fit.pairs,
    }
