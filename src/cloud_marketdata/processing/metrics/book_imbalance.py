"""Which side of the book is heavier: at the touch through time, and around the mid by the second.

Queue imbalance is (qb - qa) / (qb + qa) at level 1, weighted by how long it stood. Depth imbalance
is the same on sums within 5, 10 and 25 bp of the mid, sampled at the end of each second. The
weighted mid is not called a micro-price, because it is none. A crossed touch is left out.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from msgspec import Struct, convert, field

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import EXACT, NS_PER_S, canonical
from cloud_marketdata.processing.flow.moments import Fold, Quote, Scene, Second, Told
from cloud_marketdata.processing.metrics.book_depth import depths_within
from cloud_marketdata.processing.metrics.measures import Figure

BANDS: Final = (5, 10, 25)
_US: Final = 1_000
_MINUTE: Final = 60 * NS_PER_S
_BILLION: Final = 1_000_000_000
_FINE: Final = 1_000


def _nothing() -> list[int]:
    return [0] * len(BANDS)


class Sums(Struct):
    """A reading with its types: `tilt` is billionths x us over `held` us, the lists are by band.

    `last` is the touch with which the minute ended: bid, its size, ask, its size, or None.
    """

    tilt: int = 0
    held: int = 0
    last: tuple[int, int, int, int] | None = None
    bids: list[int] = field(default_factory=_nothing)
    asks: list[int] = field(default_factory=_nothing)
    complete: list[int] = field(default_factory=_nothing)
    samples: int = 0

    @property
    def told(self) -> Reading:
        """The same as a reading."""
        return {
            "tilt": self.tilt,
            "held": self.held,
            "last": list(self.last) if self.last else None,
            "bids": [*self.bids],
            "asks": [*self.asks],
            "complete": [*self.complete],
            "samples": self.samples,
        }


class BookImbalance(Fold):
    """The touch since `since` us, what it says, and the sums of the running minute."""

    name: ClassVar[str] = "book_imbalance"

    quote: Quote | None = None
    imbalance: int = 0
    since: int = 0
    sums: Sums = field(default_factory=Sums)

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Weigh what stood until now."""
        del change
        if scene.quote != self.quote:
            self._turn(scene.time, scene.quote)
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Weigh nothing while the book is lost."""
        del fact
        if scene.book is None:
            self._turn(scene.time, None)
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Sample the depth."""
        del second
        quote = self.quote
        if scene.book is None or quote is None:
            return ()
        sums = self.sums
        sums.samples += 1
        for band, depth in enumerate(depths_within(scene.book, quote.twice_mid, BANDS)):
            sums.bids[band] += depth.bids
            sums.asks[band] += depth.asks
            sums.complete[band] += depth.complete
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Weigh the touch until the end of the minute."""
        del scene
        self._turn(start + _MINUTE, self.quote)
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the minute's sums; None where no touch stood for a microsecond."""
        del scene
        sums, self.sums = self.sums, Sums()
        if self.quote:
            sums.last = self.quote[1:]
        return sums.told if sums.held else None

    def _turn(self, time: int, quote: Quote | None) -> None:
        """Add what stood until `time` ns, and begin with `quote`."""
        now = max(time // _US, self.since)
        if self.quote:
            self.sums.held += now - self.since
            self.sums.tilt += self.imbalance * (now - self.since)
        self.since = now
        self.quote = quote if quote and quote.bid < quote.ask else None
        if self.quote:
            _, _, bid_size, _, ask_size = self.quote
            self.imbalance = round(_BILLION * (bid_size - ask_size) / (bid_size + ask_size))


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the sums of all, and the newest touch that is known."""
    parts = convert(readings, list[Sums])
    return Sums(
        tilt=sum(part.tilt for part in parts),
        held=sum(part.held for part in parts),
        last=next((part.last for part in reversed(parts) if part.last), None),
        bids=_added([part.bids for part in parts]),
        asks=_added([part.asks for part in parts]),
        complete=_added([part.complete for part in parts]),
        samples=sum(part.samples for part in parts),
    ).told


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the imbalances (-1 to 1), the average depths in base units, and the weighted mid."""
    sums = convert(reading, Sums)
    figures: dict[str, Figure] = {
        "queue_imbalance": sums.tilt / (sums.held * _BILLION) if sums.held else None,
        "queue_imbalance_last": None,
        "weighted_mid_last": None,
        "book_ms": sums.held // 1_000,
        "depth_samples": sums.samples,
    }
    if sums.last:
        _, bid_size, _, ask_size = sums.last
        figures["queue_imbalance_last"] = (bid_size - ask_size) / (bid_size + ask_size)
        figures["weighted_mid_last"] = _weighted_mid(sums.last, scale)
    for at in range(len(BANDS)):
        figures |= _band(at, sums, scale)
    return figures


def _band(at: int, sums: Sums, scale: Scale) -> dict[str, Figure]:
    name, bids, asks, samples = f"{BANDS[at]}bp", sums.bids[at], sums.asks[at], sums.samples
    return {
        f"depth_imbalance_{name}": (bids - asks) / (bids + asks) if bids + asks else None,
        f"depth_bid_{name}": canonical(scale.size(round(bids / samples))) if samples else None,
        f"depth_ask_{name}": canonical(scale.size(round(asks / samples))) if samples else None,
        f"depth_complete_{name}": sums.complete[at] == samples > 0,
    }


def _weighted_mid(touch: tuple[int, int, int, int], scale: Scale) -> str:
    """Return it to the nearest thousandth of a tick."""
    bid, bid_size, ask, ask_size = touch
    both = bid_size + ask_size
    thousandths = (2 * _FINE * (ask * bid_size + bid * ask_size) + both) // (2 * both)
    return canonical(EXACT.multiply(scale.price(thousandths), Decimal(1) / _FINE))


def _added(columns: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*columns, strict=True)]
