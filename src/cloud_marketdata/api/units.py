"""In which units the numbers of a market are, as far as its symbol tells."""

from typing import Final, NamedTuple

_QUOTES: Final = ("FDUSD", "USDT", "USDC", "TUSD", "USDE", "BTC", "ETH", "BNB", "EUR", "USD", "TRY")


class Units(NamedTuple):
    """Names of the units of sizes and of prices."""

    base: str
    quote: str


def units_of(symbol: str) -> Units:
    """Split a symbol into its two assets; an unknown ending leaves them unnamed."""
    for quote in _QUOTES:
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return Units(base, quote)
    return Units(f"base asset of {symbol}", f"quote asset of {symbol}")
