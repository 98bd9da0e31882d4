"""A venue's own book as a list of single changes, from which deltas and snapshots are cut.

They are cut as the venues do: a snapshot may fall inside a delta, between two, or be ahead of them.
"""

from typing import NamedTuple

from frames import BTC

from cloud_marketdata.domain.events import BookDelta, BookSnapshot

Side = dict[int, int]


class Change(NamedTuple):
    """One change of the venue's book: its id, a price (bids below 0, asks above) and a size."""

    id: int
    price: int
    size: int


class Truth:
    """The venue's own book at every id, and the deltas it sends; `leap` is how far ids jump."""

    def __init__(self, drawn, leap: int) -> None:
        self.changes: list[Change] = []
        self.deltas: list[BookDelta] = []
        at = 100
        for group in drawn:
            before = at
            for step, price, size in group:
                at += 1 + leap * (step - 1)
                self.changes.append(Change(at, price, size))
            told = {c.price: c.size for c in self.changes if c.id > before}
            bids = tuple((50 + p, s) for p, s in told.items() if p < 0)
            asks = tuple((50 + p, s) for p, s in told.items() if p > 0)
            first = before + 1 if not leap else at
            self.deltas.append(BookDelta(BTC, first, at, before, bids, asks, at, at))

    def sides(self, at: int) -> tuple[Side, Side]:
        """Return bids and asks after every change up to an id."""
        told = {-3: 1, -1: 2, 1: 3, 4: 4} | {c.price: c.size for c in self.changes if c.id <= at}
        bids = {50 + p: s for p, s in told.items() if p < 0 and s}
        return bids, {50 + p: s for p, s in told.items() if p > 0 and s}

    def snapshot(self, at: int, levels: int = 1000) -> BookSnapshot:
        """Return what REST would serve at an id, best levels first."""
        bids, asks = self.sides(at)
        return BookSnapshot(
            BTC,
            at,
            tuple(sorted(bids.items(), reverse=True))[:levels],
            tuple(sorted(asks.items()))[:levels],
            at,
            at,
        )

    @property
    def ids(self) -> list[int]:
        """Every id at which the book may be asked for."""
        return [100, *(change.id for change in self.changes)]
