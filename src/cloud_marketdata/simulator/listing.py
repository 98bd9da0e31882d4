"""What a simulated venue lists: symbols with tick, lot and the price a seeded market starts at.

Read from an instruments file where one is given, else from the table of well-known symbols; the
listing of a capture is made by `survey`.
"""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue

QUOTES: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR", "USD")
# Symbol: price, then tick and lot on Binance spot, Binance USD-M, Bybit spot and Bybit linear.
KNOWN: Final = {
    "BTCUSDT": ("61800", "0.01 0.00001", "0.10 0.001", "0.1 0.000001", "0.10 0.001"),
    "ETHUSDT": ("2650", "0.01 0.0001", "0.01 0.001", "0.01 0.00001", "0.01 0.01"),
    "SOLUSDT": ("155", "0.01 0.001", "0.0100 0.01", "0.01 0.001", "0.010 0.1"),
    "DOGEUSDT": ("0.10521", "0.00001 1", "0.000010 1", "0.00001 0.1", "0.00001 1"),
}
UNKNOWN: Final = ("100", "0.01 0.001", "0.01 0.001", "0.01 0.001", "0.01 0.001")
# The start price of a symbol of which only the grid is known, in ticks.
START_TICKS: Final = 100_000


class Listing(Struct, frozen=True):
    """One symbol as the venue lists it; `start` is a price on the tick grid."""

    symbol: str
    tick: Decimal
    lot: Decimal
    start: Decimal

    @property
    def base(self) -> str:
        """The coin that is traded."""
        return self.symbol.removesuffix(self.quote)

    @property
    def quote(self) -> str:
        """The coin it is priced in."""
        return next((coin for coin in QUOTES if self.symbol.endswith(coin)), "USDT")


class _Grid(Struct):
    tick_size: Decimal
    lot_size: Decimal


def known(venue: Venue, symbol: str) -> Listing:
    """Return the listing of a symbol from the table; an unlisted one gets a plain grid."""
    price, *grids = KNOWN.get(symbol, UNKNOWN)
    tick, lot = map(Decimal, grids[list(Venue).index(venue)].split())
    return Listing(symbol, tick, lot, Decimal(price))


def on_grid(symbol: str, tick: Decimal, lot: Decimal) -> Listing:
    """Return a listing of which only the grid is known."""
    price = Decimal(KNOWN.get(symbol, UNKNOWN)[0])
    start = price if symbol in KNOWN and price % tick == 0 else tick * START_TICKS
    return Listing(symbol, tick, lot, start)


def read_listings(path: Path, venue: Venue) -> dict[str, Listing]:
    """Read `{venue: {symbol: {"tick_size", "lot_size"}}}`; a venue not named there lists nothing.

    Raises BadRequestError naming the file.
    """
    try:
        grids = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, _Grid]])
    except (OSError, msgspec.MsgspecError) as error:
        msg = f"{path}: not an instruments file: {error}"
        raise BadRequestError(msg) from error
    venue_grids = grids.get(venue, {})
    return {s: on_grid(s, grid.tick_size, grid.lot_size) for s, grid in venue_grids.items()}


def choose(venue: Venue, symbols: Iterable[str], path: Path | None) -> dict[str, Listing]:
    """Return the listings of `symbols`, each from the file where it is there, else the table."""
    filed = read_listings(path, venue) if path else {}
    return {symbol: filed.get(symbol) or known(venue, symbol) for symbol in symbols}
