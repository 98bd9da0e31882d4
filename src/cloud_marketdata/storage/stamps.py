"""New positions for entries whose own are taken by another appender."""

from collections.abc import Iterable

from cloud_marketdata.storage.entry import Entry, TakenError


def stamped_again(entries: Iterable[Entry], taken: TakenError) -> list[Entry]:
    """Return the entries in their order, those that were refused above the log's end.

    Only entries of the stream from the refused position on change, and each no more than it must,
    so that what was written before keeps the position by which the log knows it.
    """
    floor: int | None = None
    result = []
    for entry in entries:
        kept = entry
        if entry.stream == taken.stream and entry.position >= taken.position:
            floor = taken.last if floor is None else floor
            kept = entry if entry.position > floor else entry._replace(position=floor + 1)
            floor = kept.position
        result.append(kept)
    return result
