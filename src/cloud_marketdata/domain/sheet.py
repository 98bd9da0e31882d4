"""The rows of a coverage ledger, as they are stored, and a sheet that knows which have changed.

A row is about a piece of one stream. Rows that may still change are `open`: they are what a
restarted ledger goes on from, so a fold that stops anywhere and goes on later writes the same rows.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval
from cloud_marketdata.domain.values import NS_PER_MS, Venue


class Layer(StrEnum):
    """What a row was made from.

    tape: runs and holes of trade ids. gap: losses that a collector has told of. doubt: trades that
    contradict each other. link: time in which a connection brought trades. book: states of a book.
    """

    TAPE = "tape"
    GAP = "gap"
    DOUBT = "doubt"
    LINK = "link"
    BOOK = "book"


# These layers have match times as their ends, whole milliseconds in which a trade was seen.
_TIMED_BY_TRADES = frozenset({Layer.TAPE, Layer.GAP, Layer.DOUBT})


class Row(Struct, frozen=True):
    """One row; `layer` and `name` are its identity within a market.

    first, last: its ends in ns. Those of a hole are the match times of the trades beside it, in the
    order of their ids, so `last` may be earlier. The other fields are those of an Interval.
    """

    layer: Layer
    name: str
    first: int
    last: int
    state: CoverageState
    open: bool
    low: int | None = None
    high: int | None = None
    trades: int | None = None
    reason: str = ""
    found_at: int | None = None
    settled_at: int | None = None

    @property
    def key(self) -> str:
        """Identity within a market."""
        return f"{self.layer}:{self.name}"

    @property
    def covered(self) -> Covered:
        """The stream it tells of."""
        return Covered.BOOK if self.layer is Layer.BOOK else Covered.TRADES

    @property
    def start(self) -> int:
        """First nanosecond."""
        return min(self.first, self.last)

    @property
    def end(self) -> int:
        """First nanosecond after it; a trade counts for the millisecond it is stamped with."""
        whole = NS_PER_MS if self.layer in _TIMED_BY_TRADES else 0
        return max(self.first, self.last) + whole

    @property
    def interval(self) -> Interval:
        """What it says to those who ask for time."""
        return Interval(
            self.start,
            self.end,
            self.state,
            self.low,
            self.high,
            self.trades,
            self.reason,
            self.found_at,
            self.settled_at,
        )


class Marks(Struct, frozen=True):
    """How far a ledger has read the log, and what it must remember beside its rows.

    trades, status: positions that are inside. low_time, high_time: match times of the lowest and
    the highest id. forgotten: holes that are no longer watched because there were too many;
    repeats: trades that came again.
    """

    trades: int = 0
    status: int = 0
    low_time: int = 0
    high_time: int = 0
    forgotten: int = 0
    repeats: int = 0

    def behind(self, other: "Marks") -> bool:
        """Whether one of the positions is below the other's: then these were made from less."""
        return self.trades < other.trades or self.status < other.status


class Kept(Struct, frozen=True):
    """What a store gives: the marks, and the rows of a range together with all open ones."""

    marks: Marks = Marks()
    rows: tuple[Row, ...] = ()


class Changes(Struct, frozen=True):
    """What a store is to take: keys to drop, rows to put, and the marks that they belong to.

    A row may have come and gone between two saves, so a key need not be there.
    """

    venue: Venue
    symbol: str
    marks: Marks
    rows: tuple[Row, ...] = ()
    gone: tuple[str, ...] = ()


class Sheet:
    """Rows by key, and which of them a store has not seen as they are."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = {row.key: row for row in rows}
        self._changed: set[str] = set()
        self._gone: set[str] = set()

    def put(self, row: Row) -> None:
        """Add the row or replace the one of its name."""
        key = row.key
        if self.rows.get(key) != row:
            self.rows[key] = row
            self._changed.add(key)
            self._gone.discard(key)

    def drop(self, key: str) -> None:
        """Remove a row."""
        if self.rows.pop(key, None) is not None:
            self._changed.discard(key)
            self._gone.add(key)

    def find(self, layer: Layer, *, only_open: bool = False) -> list[Row]:
        """Return the rows of a layer, ascending by their start."""
        rows = (row for row in self.rows.values() if row.layer is layer)
        return sorted((row for row in rows if row.open or not only_open), key=_order)

    def changes(self) -> tuple[tuple[Row, ...], tuple[str, ...]]:
        """Return the rows to put and the keys to drop."""
        return tuple(self.rows[key] for key in sorted(self._changed)), tuple(sorted(self._gone))

    def saved(self) -> None:
        """Note that a store has all changes; rows that are settled need no more memory."""
        self._changed.clear()
        self._gone.clear()
        self.rows = {key: row for key, row in self.rows.items() if row.open}


def settled(row: Row) -> Row:
    """Return the row as one that changes no more."""
    return replace(row, open=False)


def _order(row: Row) -> tuple[int, int, str]:
    return row.start, row.end, row.name
