"""Joins what collectors told of a gap with what the trade ids prove of it.

Both name ids, so the join does not depend on which of the two came first. Where several notes tell
of a hole the narrowest one gives the reason: it was told after a part of the gap had been filled.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.sheet import Row


def explained(rows: Iterable[Row], notes: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows, holes and repairs with the reason and the times that notes give them.

    Rows with ids do not overlap in ids; they come first, ascending.
    """
    waiting = sorted((note for note in notes if _ids(note)), key=_low, reverse=True)
    near: list[Row] = []
    rows = list(rows)
    for row in sorted((row for row in rows if _ids(row)), key=_low):
        low, high = _ids(row) or (0, 0)
        while waiting and _low(waiting[-1]) <= high:
            near.append(waiting.pop())
        near = [note for note in near if (note.high or 0) >= low]
        yield _explained(row, near)
    yield from (row for row in rows if not _ids(row))


def _explained(row: Row, notes: Sequence[Row]) -> Row:
    found_at = min((note.found_at for note in notes if note.found_at), default=None)
    if row.state is CoverageState.MISSING:
        told = [one for one in notes if one.reason and one.state is CoverageState.UNKNOWN]
        reason = min(told, key=_width).reason if told else ""
        return replace(row, reason=reason, found_at=found_at)
    if row.state is CoverageState.REPAIRED:
        settled_at = max((note.settled_at for note in notes if note.settled_at), default=None)
        return replace(row, found_at=found_at, settled_at=settled_at)
    return row


def _ids(row: Row) -> tuple[int, int] | None:
    return None if row.low is None or row.high is None else (row.low, row.high)


def _low(row: Row) -> int:
    return row.low or 0


def _width(row: Row) -> tuple[int, int]:
    low, high = _ids(row) or (0, 0)
    return high - low, low
