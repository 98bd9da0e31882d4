"""The update ids a venue shows instead of its true ones, once faults have moved them.

A gap moves the ids of one book from a message on, a storm those of all, a restart lets them begin
at 1. Streams, snapshots and REST show the same moved ids, so that a client that starts over is
right again; the venue's own books never know.
"""


class Labels:
    """How far the ids of each book are moved."""

    def __init__(self) -> None:
        self._all = 0
        self._own: dict[str, int] = {}

    def shift(self, book: str, by: int) -> None:
        """Move the ids of one book."""
        self._own[book] = self._own.get(book, 0) + by

    def shift_all(self, by: int) -> None:
        """Move the ids of every book."""
        self._all += by

    def begin(self, book: str, update_id: int) -> None:
        """Let `update_id` of a book be shown as 1."""
        self._own[book] = 1 - update_id - self._all

    def offset(self, book: str) -> int:
        """Return what is added to the true ids of a book."""
        return self._all + self._own.get(book, 0)
