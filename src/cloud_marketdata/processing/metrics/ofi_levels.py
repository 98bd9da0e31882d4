"""Order flow imbalance of the ten best levels, by rank, and joined into one number.

The formula is that of the touch, applied to the m-th best bid and ask. The integrated imbalance
(Cont, Cucuringu, Zhang) weighs the ranks by the first principal component of their imbalances over
10 s, each divided by the mean depth. Weights are fixed for a UTC day, made from the day before, on
the first day from its first hour, and published with every minute.
"""

from collections.abc import Mapping, Sequence
from itertools import starmap
from operator import add
from typing import ClassVar, Final

from msgspec import Struct, convert, field

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_S, canonical
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.measures import Figure
from cloud_marketdata.processing.metrics.ofi import flow
from cloud_marketdata.processing.metrics.principal import Products, Weights

LEVELS: Final = 10
WINDOW: Final = 10 * NS_PER_S
ENOUGH: Final = 360
"""Windows of 10 s that weights are made from at least: an hour of them."""
_DAY: Final = 86_400 * NS_PER_S
_MILLI: Final = 1_000

Touches = tuple[tuple[Level, ...], tuple[Level, ...]]
"""The best bids, descending, and the best asks, ascending."""


def flows(old: Touches, new: Touches) -> list[int]:
    """Return the imbalance in lots by rank, 0 for ranks that one of the two does not have."""
    found = list(starmap(flow, zip(*old, *new, strict=False)))
    return found + [0] * (LEVELS - len(found))


def _nothing() -> list[int]:
    return [0] * LEVELS


class Window(Struct):
    """Imbalance by rank, lots of all ranks and both sides at each change, and changes."""

    start: int = 0
    flows: list[int] = field(default_factory=_nothing)
    depth: int = 0
    changes: int = 0
    broken: bool = False

    def add(self, flows: list[int], depth: int) -> None:
        """Take one change of the ranks."""
        self.flows = list(map(add, self.flows, flows))
        self.depth += depth
        self.changes += 1

    def relative(self) -> list[float]:
        """Return the imbalances in mean depths of one rank of one side."""
        mean = self.depth / (self.changes * 2 * LEVELS)
        return [flow / mean for flow in self.flows]


class OfiLevels(Fold):
    """The ranks as they are, the running 10 s and minute, and what the next weights come from.

    `integrated` is in thousandths of the mean depth, summed over `windows` of 10 s.
    """

    name: ClassVar[str] = "ofi_levels"

    last: Touches | None = None
    window: Window = field(default_factory=Window)
    minute: Window = field(default_factory=Window)
    integrated: int = 0
    windows: int = 0
    products: Products = field(default_factory=lambda: Products(0))
    weights: Weights | None = None

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Add what the change did to the ranks, if it reached them."""
        if isinstance(change, BookSnapshot) or scene.book is None:
            self.window.broken = True
            self.last = scene.book.top(LEVELS) if scene.book else None
            return ()
        old = self.last
        if old is not None and not _reaches(change, old):
            return ()
        new = self.last = scene.book.top(LEVELS)
        if old is not None and old != new:
            depth = sum(size for _, size in new[0]) + sum(size for _, size in new[1])
            self.window.add(flows(old, new), depth)
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Forget the ranks where the book is lost."""
        del fact
        if scene.book is None:
            self.last, self.window.broken = None, True
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """End the 10 s where their last second is over."""
        del scene
        end = second.start + NS_PER_S
        if end % WINDOW == 0:
            window = self.window
            if end - window.start == WINDOW and window.depth and not window.broken:
                self._observe(window)
            self._settle()
            self.window = Window(end, broken=self.last is None)
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the minute's vector; None without a single change."""
        del scene
        if self.window.changes:
            self._settle()
            self.window = Window(broken=True)
        minute, self.minute = self.minute, Window()
        weights = self.weights
        told: Reading = {
            "ofi": [*minute.flows],
            "depth": minute.depth,
            "changes": minute.changes,
            "integrated": self.integrated,
            "windows": self.windows,
            "weights": weights.values if weights else None,
            "weights_since": weights.since if weights else None,
            "weights_windows": weights.count if weights else None,
        }
        self.integrated = self.windows = 0
        return told if minute.changes else None

    @property
    def warming(self) -> bool:
        """Whether there are no weights yet; the vector is told all the same."""
        return self.weights is None

    def _observe(self, window: Window) -> None:
        """Weigh a whole window, and let it count for the weights to come."""
        products, day = self.products, window.start - window.start % _DAY
        if products.count >= ENOUGH and (self.weights is None or products.since < day):
            self.weights = products.weights() or self.weights
        if products.since < day:
            products = self.products = Products(day)
        figures = window.relative()
        products.observe(figures)
        if self.weights:
            self.integrated += round(_MILLI * self.weights.applied(figures))
            self.windows += 1

    def _settle(self) -> None:
        """Add the 10 s to the minute."""
        if self.window.changes:
            self.minute.flows = list(map(add, self.minute.flows, self.window.flows))
            self.minute.depth += self.window.depth
            self.minute.changes += self.window.changes


class Sums(Struct, frozen=True):
    """A reading with its types."""

    ofi: list[int]
    depth: int
    changes: int
    integrated: int
    windows: int
    weights: list[float] | None
    weights_since: int | None
    weights_windows: int | None


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the sums of all; weights stay where all of them were made with the same."""
    parts = convert(readings, list[Sums])
    one = parts[0]
    same = all(part.weights == one.weights for part in parts)
    return {
        "ofi": [sum(column) for column in zip(*(part.ofi for part in parts), strict=True)],
        "depth": sum(part.depth for part in parts),
        "changes": sum(part.changes for part in parts),
        "integrated": sum(part.integrated for part in parts),
        "windows": sum(part.windows for part in parts),
        "weights": one.weights if same else None,
        "weights_since": one.weights_since if same else None,
        "weights_windows": one.weights_windows if same else None,
    }


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the vector in base units, best rank first, and the integrated one in mean depths."""
    sums = convert(reading, Sums)
    depth = sums.depth / (sums.changes * 2 * LEVELS)
    return {
        "ofi_levels": [canonical(scale.size(lots)) for lots in sums.ofi],
        "average_depth": canonical(scale.size(round(depth))),
        "integrated": sums.integrated / _MILLI if sums.windows else None,
        "integrated_windows": sums.windows,
        "changes": sums.changes,
        "weights": sums.weights,
        "weights_since_ns": sums.weights_since,
        "weights_windows": sums.weights_windows,
    }


def _reaches(change: BookDelta, ranks: Touches) -> bool:
    """Whether a change may move the ranks; where a side is short it always may."""
    bids, asks = ranks
    if len(bids) < LEVELS or len(asks) < LEVELS:
        return True
    if change.bids and max(change.bids)[0] >= bids[-1][0]:
        return True
    return bool(change.asks) and min(change.asks)[0] <= asks[-1][0]
