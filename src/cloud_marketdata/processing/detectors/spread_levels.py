"""How wide a market usually is: spreads by the second over an hour, as counts.

Few spreads ever occur, so counts by spread in pieces of five minutes hold an hour exactly. At most
300 different ones are told apart in a piece; a market that has more is not usual in anything.
"""

from collections import Counter
from itertools import accumulate
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S

_PIECE: Final = 300 * NS_PER_S
_PIECES: Final = 12
_MOST: Final = 300


class SpreadLevels(Struct):
    """Seconds by spread in ticks, by piece; piece 0 begins with the epoch."""

    pieces: dict[int, dict[int, int]] = {}

    def add(self, time: int, spread: int) -> None:
        """Take the spread of a second at `time` ns."""
        number = time // _PIECE
        piece = self.pieces.get(number)
        if piece is None:
            kept = {old: held for old, held in self.pieces.items() if old > number - _PIECES}
            self.pieces = kept
            piece = kept[number] = {}
        if spread in piece or len(piece) < _MOST:
            piece[spread] = piece.get(spread, 0) + 1

    def quantiles(self, *shares: float) -> tuple[int, list[int]]:
        """Return how many seconds are inside, and the spreads at these shares of them."""
        total: Counter[int] = Counter()
        for piece in self.pieces.values():
            total.update(piece)
        spreads = sorted(total)
        sums = list(accumulate(total[spread] for spread in spreads))
        count = sums[-1] if sums else 0
        ranks = [int(share * (count - 1)) for share in shares]
        found = [
            next(s for s, upto in zip(spreads, sums, strict=True) if upto > rank)
            for rank in ranks
            if count
        ]
        return count, found

    def rescaled(self, factor: int) -> "SpreadLevels":
        """Return the same in ticks of which one of ours is `factor`."""
        return SpreadLevels(
            {
                number: {spread * factor: count for spread, count in piece.items()}
                for number, piece in self.pieces.items()
            }
        )
