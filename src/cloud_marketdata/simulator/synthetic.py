"""The frames of a whole seeded venue: every symbol's market, step by step, in one recording.

Each symbol has its own random source made from the seed and its name, so that adding a symbol
leaves the others as they were.
"""

from collections.abc import Iterable, Iterator
from random import Random

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.market import Market
from cloud_marketdata.simulator.wire_binance import BinanceScribe
from cloud_marketdata.simulator.wire_bybit import BybitScribe

Scribe = BinanceScribe | BybitScribe


class SeededMarkets:
    """The frames of a venue, without end: first each symbol's whole book, then its events.

    The same venue, listings, seed and start time give the same bytes.
    """

    def __init__(self, venue: Venue, listings: Iterable[Listing], seed: int, start_ns: int) -> None:
        self._start_ns = start_ns
        self._pairs = [_open(venue, listing, seed, start_ns) for listing in listings]

    def __iter__(self) -> Iterator[Frame]:
        for _, scribe in self._pairs:
            yield from (Frame(self._start_ns, payload) for payload in scribe.opening())
        while True:
            for market, scribe in self._pairs:
                for event in market.step():
                    # The ticker tells the book of now, so each event is written before the next.
                    yield from (Frame(event.time, payload) for payload in scribe.frames(event))

    def refine(self, listing: Listing) -> None:
        """Let a symbol trade on a finer tick from its next step on."""
        for market, _ in self._pairs:
            if market.listing.symbol == listing.symbol:
                market.refine(listing)


def streams_of(venue: Venue, symbols: Iterable[str]) -> set[str]:
    """Return the names of the streams a seeded venue writes."""
    if venue.exchange is Exchange.BYBIT:
        kinds = ("publicTrade", "orderbook.1000")
        return {f"{kind}.{symbol}" for kind in kinds for symbol in symbols}
    names = ("trade", "depth@100ms", "bookTicker")
    return {f"{symbol.lower()}@{kind}" for kind in names for symbol in symbols}


def _open(venue: Venue, listing: Listing, seed: int, start_ns: int) -> tuple[Market, Scribe]:
    random = Random(f"{seed}/{venue}/{listing.symbol}")  # noqa: S311 - a seeded market must repeat
    market = Market(random, listing, start_ns)
    if venue.exchange is Exchange.BYBIT:
        return market, BybitScribe(venue, market, random)
    return market, BinanceScribe(venue, market)
