"""Which part of a venue's tape an aggregate contains, and what the ids prove about it.

Where ids grow by exactly one, the lowest and highest id and the number of trades between them say
how many are missing, without remembering a single trade.
"""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.events import TradeEvent

Mark = tuple[int, int, int | str]
"""Match time in ns, sequence, and the venue's trade id: enough to find the trade again."""


class TapeSpan(Struct):
    """First and last trade, how many there are, and those that were kept out of the bars."""

    first: Mark
    last: Mark
    low: int
    high: int
    trades: int
    off_book: dict[str, int] = {}

    @classmethod
    def of(cls, trade: TradeEvent) -> Self:
        """Return the span of a single trade."""
        mark = (trade.exchange_time, trade.sequence, trade.id)
        kind = trade.off_book_kind if trade.flags else None
        off_book = {kind: 1} if kind else {}
        return cls(mark, mark, trade.sequence, trade.sequence, 1, off_book)

    def add(self, trade: TradeEvent) -> None:
        """Absorb one trade."""
        sequence = trade.sequence
        mark = (trade.exchange_time, sequence, trade.id)
        if mark[:2] > self.last[:2]:
            self.last = mark
        elif mark[:2] < self.first[:2]:
            self.first = mark
        if sequence > self.high:
            self.high = sequence
        elif sequence < self.low:
            self.low = sequence
        self.trades += 1
        if trade.flags and (kind := trade.off_book_kind):
            self.off_book[kind] = self.off_book.get(kind, 0) + 1

    def merged(self, other: "TapeSpan") -> "TapeSpan":
        """Return the span of both tapes."""
        kinds = sorted({*self.off_book, *other.off_book})
        return TapeSpan(
            first=min(self.first, other.first, key=_key),
            last=max(self.last, other.last, key=_key),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            trades=self.trades + other.trades,
            off_book={k: self.off_book.get(k, 0) + other.off_book.get(k, 0) for k in kinds},
        )

    def copy(self) -> "TapeSpan":
        """Return a span of its own."""
        return replace(self, off_book=dict(self.off_book))

    @property
    def missing(self) -> int:
        """Trades proven missing between the lowest and highest id; only for contiguous ids."""
        return self.high - self.low + 1 - self.trades


def _key(mark: Mark) -> tuple[int, int]:
    return mark[:2]
