"""What has been traded of a symbol so far, as a venue's 24-hour ticker sums it up.

It counts from the beginning of the playback and forgets nothing: enough to rank symbols by volume.
"""

from decimal import Decimal

from msgspec import Struct

ZERO = Decimal(0)


class Tally(Struct):
    """Sums of one symbol, all 0 before the first trade.

    Times are ms; the ids are 0 where the venue's are no numbers.
    """

    count: int = 0
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    first: Decimal = ZERO
    high: Decimal = ZERO
    low: Decimal = ZERO
    last: Decimal = ZERO
    last_size: Decimal = ZERO
    opened_at: int = 0
    closed_at: int = 0
    first_id: int = 0
    last_id: int = 0

    def add(self, price_text: str, size_text: str, time_ms: int, number: int = 0) -> None:
        """Count one trade; one whose numbers cannot be read counts for nothing."""
        try:
            price, size = Decimal(price_text), Decimal(size_text)
        except ArithmeticError:
            return
        if not self.count:
            self.first = self.low = price
            self.opened_at, self.first_id = time_ms, number
        self.count += 1
        self.volume += size
        self.quote_volume += price * size
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.last, self.last_size, self.closed_at = price, size, time_ms
        self.last_id = number

    def average(self) -> Decimal:
        """Return the mean price by volume, to eight decimals."""
        mean = self.quote_volume / self.volume if self.volume else ZERO
        return mean.quantize(Decimal("1e-8"))

    def change(self) -> Decimal:
        """Return how far the price has moved."""
        return self.last - self.first

    def change_share(self) -> Decimal:
        """Return the move as a share of the first price, to six decimals."""
        share = self.change() / self.first if self.first else ZERO
        return share.quantize(Decimal("1e-6"))
