"""The contracts of the stores, split by noun. Each docstring is law and has a test.

All ports raise StorageError (core.errors) where a driver would raise its own. Times are ns, ranges
are half-open, and positions are integers that grow within one stream.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct

from cloud_marketdata.core.health import Component
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.events import Level, LogEvent, Rejection, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.sheet import Changes, Kept
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.flow_ports import FlowRepository, ReconciliationRepository
from cloud_marketdata.storage.security_ports import KeyRepository, Quotas
from cloud_marketdata.storage.sharing_ports import Leases, Members


class StreamKind(StrEnum):
    """What a stream of the log holds."""

    TRADES = "trades"
    BOOK = "book"
    STATUS = "status"


class Stream(NamedTuple):
    """One ordered sequence of events in the log."""

    venue: Venue
    symbol: str
    kind: StreamKind


class Batch(NamedTuple):
    """Events of one stream that are appended together and become one log entry.

    fence: the token of the lease under which they were collected; 0 where there is none.
    """

    stream: Stream
    events: Sequence[LogEvent]
    fence: int = 0


class Record(NamedTuple):
    """A log entry: its position, and the events of its batch in their order."""

    position: int
    events: Sequence[LogEvent]


class EventLog(Protocol):
    """The only meeting place of collectors and processors: append-only, ordered per stream."""

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """Make the batches durable and return their positions.

        Positions of a stream grow strictly. After the return the events survive a killed process.
        Where it raises, none of the batches is in the log, now or later, so it may be tried again.
        A batch without events is an error (ValueError). One whose fence is below its market's is
        left out and counted; what is returned for it is 0 or a position that no entry has.
        """
        ...

    async def fence(self, venue: Venue, symbol: str, token: int) -> int:
        """Have nothing more appended to a market under a lower token, except under none.

        It holds for what is still on its way too, so what is read from then on stays as it is.
        Returns the highest token shown before; 0 only asks. A log with one process has no fences.
        """
        ...

    async def read(self, stream: Stream, *, after: int = 0, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries with a position above `after`, in order."""
        ...

    async def reader(self, stream: Stream, *, after: int) -> "LogReader":
        """Return the reader of the stream's one owner, which begins behind the position `after`.

        Whoever read the stream before and did not come to acknowledge loses nothing by it.
        """
        ...

    async def last(self, stream: Stream) -> Record | None:
        """Return the newest entry, or None."""
        ...

    async def streams(self) -> list[Stream]:
        """Return the streams that hold at least one entry, sorted."""
        ...

    async def epoch(self) -> str:
        """Return what this log is called, in a few letters and digits, for as long as it lives.

        A log of another epoch holds other entries under the same positions.
        """
        ...

    async def wait(self, venue: Venue, symbol: str, seconds: float) -> None:
        """Return when a market may have more than the task has read, at latest after `seconds`."""
        ...

    async def trim(self, stream: Stream, *, upto: int, before: int) -> int:
        """Remove entries at or below `upto` whose events were all received before `before`.

        Returns how many entries went. The newest entry of a stream always stays, and so does the
        one with the newest match time, because the newest may hold old trades that were filled in:
        they tell a restarted collector where the tape stopped.
        """
        ...


class LogReader(Protocol):
    """Reads one stream for the one worker that owns it."""

    async def read(self, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries behind those that it returned before, in order.

        After an error it goes on where it stood: nothing is left out and nothing comes again.
        """
        ...

    async def acknowledge(self, upto: int) -> None:
        """Note that every entry at or below the position is inside what has been saved."""
        ...


class TradeRepository(Protocol):
    """Raw trades, read back from the log (`save` is the append of step 4)."""

    async def save(self, trade: TradeEvent) -> None:
        """Append one trade to the log."""
        ...

    async def find_by_range(
        self, venue: Venue, symbol: str, start: int, end: int, *, limit: int, newest: bool = False
    ) -> list[TradeEvent]:
        """Return trades with start <= exchange_time < end, by (exchange_time, sequence).

        At most `limit`: the first ones, or with `newest` the last ones (still ascending).
        """
        ...

    async def aggregate_by_price(
        self, venue: Venue, symbol: str, start: int, end: int
    ) -> VolumeProfile | None:
        """Return the one-tick profile of the raw trades in the range, or None without trades."""
        ...


class AggregateRepository(Protocol):
    """Closed and open buckets of bars and profiles."""

    async def save(
        self, aggregates: Sequence[Aggregate], ledger: Changes | None = None, *, fence: int = 0
    ) -> None:
        """Store or replace aggregates by (venue, symbol, timeframe, start), all or none.

        An aggregate whose position is lower than the stored one changes nothing, nor does one that
        ends at or before the horizon of its timeframe. Changes of a coverage ledger are stored in
        the same transaction; those with a mark below the stored one change nothing either.

        fence: the saver's fencing token for these markets. Raises FencedError, storing nothing,
        where a market has seen a higher one: somebody else owns it by now.
        """
        ...

    async def forget(
        self, venue: Venue, symbol: str, timeframe: Timeframe, before: int, *, fence: int = 0
    ) -> int:
        """Remove final aggregates that end at or before `before`; return how many went.

        From then on `before` is the market's horizon of the timeframe, unless it was later already.
        It is for those alone who know that the next tier holds what is removed. Raises FencedError
        as `save` does.
        """
        ...

    async def horizon(self, venue: Venue, symbol: str, timeframe: Timeframe) -> int:
        """Return the time before which aggregates were removed, or 0."""
        ...

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        ...

    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest log position that was ever inside a saved aggregate, or 0.

        Aggregates are saved together, so everything at or below it is inside, also where the
        aggregate itself has been removed.
        """
        ...

    async def changed(
        self, venue: Venue, symbol: str, timeframe: Timeframe, after: int
    ) -> list[int]:
        """Return the starts of stored aggregates whose position is above `after`, ascending."""
        ...

    async def highest(self) -> int:
        """Return the highest log position inside anything saved, over all markets, or 0.

        A log that was lost must begin above it, or new entries would be taken for old ones.
        """
        ...

    async def open(self, venue: Venue, symbol: str) -> list[Aggregate]:
        """Return the aggregates that are not final, ascending by timeframe length and start."""
        ...

    async def bounds(
        self, venue: Venue, symbol: str, timeframe: Timeframe
    ) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest bucket, or None."""
        ...


class CoverageRepository(Protocol):
    """The coverage ledgers, as AggregateRepository.save has stored them."""

    async def find(
        self, venue: Venue, symbol: str, start: int, end: int, covered: Covered | None = None
    ) -> Kept:
        """Return the marks of a market, the rows that touch [start, end), and every open row.

        All of it is of one save. With `covered` only the rows of that stream. The order of the rows
        means nothing; a market without a ledger has none, and marks of 0.
        """
        ...


class BookState(StrEnum):
    """Whether a book may be believed."""

    INIT = "init"
    BUFFERING = "buffering"
    SYNCED = "synced"
    STALE = "stale"


class BookView(Struct, frozen=True):
    """The top of a live book, as published by its collector.

    bids descend, asks ascend; prices in ticks and sizes in lots of `instrument`. `reason` says why
    a book that is not SYNCED may not be used. `vouched_at` is when its collector last said so: a
    quiet book keeps its `received_at` and is vouched for again every few seconds.
    """

    instrument: Instrument
    state: BookState
    update_id: int
    exchange_time: int
    received_at: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    reason: str = ""
    vouched_at: int = 0


class LiveBooks(Protocol):
    """The current book of each instrument, last write wins."""

    async def publish(self, views: Sequence[BookView]) -> None:
        """Replace the views of these instruments."""
        ...

    async def find(self, venue: Venue, symbol: str) -> BookView | None:
        """Return the view last published, or None."""
        ...


class InstrumentRepository(Protocol):
    """Instruments with every version of their scale."""

    async def save(self, instruments: Sequence[Instrument]) -> None:
        """Store each under its (venue, symbol, scale_version); an existing version stays."""
        ...

    async def find(self, venue: Venue, symbol: str) -> Instrument | None:
        """Return the newest version, or None."""
        ...

    async def all(self) -> list[Instrument]:
        """Return the newest version of each, sorted by venue and symbol."""
        ...


class Quarantine(Protocol):
    """Counts and samples of rejected input."""

    async def record(
        self, counts: dict[tuple[Venue, str], int], samples: Sequence[Rejection]
    ) -> None:
        """Add to the counts by (venue, reason) and keep the samples; the oldest make room."""
        ...

    async def counts(self) -> dict[tuple[Venue, str], int]:
        """Return all counts since the store was made."""
        ...

    async def samples(self, limit: int = 100) -> list[Rejection]:
        """Return the newest samples, newest first."""
        ...


class QueryCache(Protocol):
    """Answers that were computed before; it may forget any of them at any time."""

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none or it has expired."""
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep the value for at most `seconds`, in place of another under the key."""
        ...


class ObjectStore(Protocol):
    """Immutable objects of the cold tier."""

    async def put(self, key: str, data: bytes) -> bool:
        """Create the object; return False, changing nothing, where the key exists."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return the object, or None."""
        ...

    async def list(self, prefix: str) -> list[str]:
        """Return the keys below a prefix (a folder, ending in `/`), sorted."""
        ...


class Archive(Protocol):
    """Closed days in the cold tier, as queries want them."""

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Aggregate]:
        """Return the 1d aggregates with start <= their start < end, ascending."""
        ...

    async def bounds(self, venue: Venue, symbol: str) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest day, or None."""
        ...


class HotPart(NamedTuple):
    """What is kept for an hour: the log, and what lives beside it."""

    log: EventLog
    trades: TradeRepository
    books: LiveBooks
    quarantine: Quarantine
    leases: Leases
    members: Members
    cache: QueryCache
    quotas: Quotas


class WarmPart(NamedTuple):
    """What is kept for days."""

    aggregates: AggregateRepository
    coverage: CoverageRepository
    instruments: InstrumentRepository
    reconciliations: ReconciliationRepository
    flow: FlowRepository
    keys: KeyRepository


class Stores(Struct, frozen=True):
    """All ports of one deployment, as `main` wires them; `pulses` tell of the engines' health."""

    log: EventLog
    trades: TradeRepository
    books: LiveBooks
    quarantine: Quarantine
    leases: Leases
    members: Members
    cache: QueryCache
    quotas: Quotas
    aggregates: AggregateRepository
    coverage: CoverageRepository
    instruments: InstrumentRepository
    reconciliations: ReconciliationRepository
    flow: FlowRepository
    keys: KeyRepository
    objects: ObjectStore
    archive: Archive
    pulses: tuple[Component, ...] = ()
