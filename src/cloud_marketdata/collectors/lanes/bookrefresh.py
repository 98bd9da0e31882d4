"""A second book, made beside the one that is served, to take its place without a hole.

A snapshot that was asked for anew is brought to the point where the served book stands, by the
deltas that were kept since. Pure; where the two cannot meet it says so, and nothing was changed.
"""

from typing import Final

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta

_KEPT_MAX: Final = 20_000


class BookRefresh:
    """Keeps what is applied to a book from `since_id` on until a snapshot joins it.

    The served book followed the same deltas by its venue's rule, so there is no hole in them, and a
    snapshot between their first and last id joins. Deltas tell absolute sizes: those that are older
    than the snapshot are made good by the ones after them.
    """

    def __init__(self, since_id: int) -> None:
        self._since_id = since_id
        self._kept: list[BookDelta] = []
        self._fresh: OrderBook | None = None

    def keep(self, delta: BookDelta) -> bool:
        """Keep a delta that the served book has applied; False where no more can be kept."""
        if len(self._kept) >= _KEPT_MAX:
            return False
        self._kept.append(delta)
        return True

    def bring(self, fresh: OrderBook) -> bool:
        """Take the book of the new snapshot; False where it is older than what was kept."""
        self._fresh = fresh
        return fresh.update_id >= self._since_id

    def joined(self) -> OrderBook | None:
        """Return the new book at the served one's update id, or None while it has to wait.

        It waits for the snapshot, and then for the stream to come as far as the snapshot.
        """
        fresh, kept = self._fresh, self._kept
        newest = kept[-1].last_id if kept else self._since_id
        if fresh is None or fresh.update_id > newest:
            return None
        for delta in kept:
            fresh.apply(delta)
        return fresh
