"""What can be planted: by kind the sizes and the process that does it."""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.labelled.plants import book, delivery, price, tape
from cloud_marketdata.simulator.labelled.session import Process, Session


class Recipe(NamedTuple):
    """`act` plants one event of a size and labels it; `sizes` are those that are tried."""

    act: Callable[[Session, int], Process]
    sizes: tuple[int, ...]
    contiguous: bool = False  # whether only ids without holes can show it
    paired: bool = False  # whether it takes another venue to see it


RECIPES: Final = {
    SignalKind.ABSORPTION: Recipe(book.absorption, (300_000, 600_000, 1_500_000)),
    SignalKind.ICEBERG_SUSPECTED: Recipe(book.iceberg, (4, 8, 16)),
    SignalKind.SWEEP: Recipe(tape.sweep, (6, 10, 20)),
    SignalKind.LARGE_TRADE: Recipe(tape.large_trade, (200_000, 500_000, 2_000_000)),
    SignalKind.VOLUME_SPIKE: Recipe(tape.volume_spike, (5, 10, 20, 50)),
    SignalKind.PRICE_SPIKE: Recipe(price.spike, (5, 12, 20, 50)),
    SignalKind.OUTLIER_PRINT: Recipe(price.foreign_print, (1, 3, 10)),
    SignalKind.DIVERGENCE: Recipe(price.divergence, (5, 10)),
    SignalKind.SPREAD_BLOW_OUT: Recipe(book.spread_blow_out, (6, 10, 20)),
    SignalKind.DEPTH_COLLAPSE: Recipe(book.depth_collapse, (10, 5)),
    SignalKind.CROSSED_BOOK: Recipe(book.crossed, (1,)),
    SignalKind.STALE_FEED: Recipe(delivery.halt, (5, 10, 30)),
    SignalKind.SEQUENCE_GAP: Recipe(delivery.sequence_gap, (1, 3)),
    SignalKind.TRADE_GAP: Recipe(delivery.trade_gap, (1, 10, 100), contiguous=True),
    SignalKind.DUPLICATES: Recipe(delivery.duplicates, (1, 10)),
    SignalKind.CLOCK_SKEW: Recipe(delivery.clock_step, (400, -600)),
    SignalKind.VENUE_DIVERGENCE: Recipe(price.estranged, (10, 30, 100), paired=True),
}


def plantable(venue: Venue, kinds: Collection[SignalKind]) -> list[tuple[SignalKind, int]]:
    """Return every size of these kinds that the venue's feed can show; of no kinds, of all.

    What takes two venues is planted only where it is asked for.
    """
    return [
        (kind, size)
        for kind, recipe in RECIPES.items()
        if (kind in kinds if kinds else not recipe.paired)
        and (venue.exchange is Exchange.BINANCE or not recipe.contiguous)
        for size in recipe.sizes
    ]
