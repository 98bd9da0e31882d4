"""A simulated venue on a real socket, the service that collects from it, and a view of both.

Nothing is replaced: the simulator is the venue, the service is wired as `main` wires it, over
stores in memory. Only the states of books are noted on their way to the writer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from tempfile import TemporaryDirectory

import httpx2
from fault_stalls import TURN_S

from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.coverage import Covered, Interval
from cloud_marketdata.domain.events import LogEvent, StatusEvent, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.main import Service
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation
from cloud_marketdata.storage.coverage import fold_trades, saved_ledger
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import (
    Batch,
    BookState,
    BookView,
    EventLog,
    Stores,
    Stream,
    StreamKind,
)

IMPATIENT = {
    "first_message_s": 2.0,
    "stale_after_s": 1.0,
    "breaker_failures": 3,
    "breaker_recovery_s": 1.0,
    "overlap_s": 2.0,
    "backoff_first_s": 0.1,
    "backoff_cap_s": 0.4,
    "ticker_every_s": 1.0,
    "save_ms": 100,
}
"""Settings that make waiting short; docs/faults.md names them."""

_EVER = 1 << 62


class Tail:
    """The events of one stream of the log, read as they come."""

    def __init__(self, log: EventLog, stream: Stream) -> None:
        self.events: list[LogEvent] = []
        self._log = log
        self._stream = stream
        self._position = 0

    async def read(self) -> list[LogEvent]:
        """Return all events so far."""
        while records := await self._log.read(self._stream, after=self._position, limit=500):
            self._position = records[-1].position
            self.events += [event for record in records for event in record.events]
        return self.events


class Stage:
    """What a case sees; counts and facts are those since `mark`.

    marked_at: by our clock. traded: the newest trade then; None where counting begins at the start.
    """

    def __init__(
        self,
        venue: Venue,
        service: Service,
        stores: Stores,
        http: httpx2.AsyncClient,
        clock: Clock,
    ) -> None:
        self.venue = venue
        self.symbols = service.settings.symbols[venue]
        self.http = http
        self.stores = stores
        self.clock = clock
        self.marked_at = 0
        self.traded: TradeEvent | None = None
        self._roster = service.collecting.rosters[venue]
        self._tails: dict[tuple[str, StreamKind], Tail] = {}
        self._facts_before: dict[str, int] = {}
        self._states: list[tuple[str, BookState]] = []
        self._states_before = 0
        self._note(service.collecting.writer)
        self._counts_before: dict[str, int] = {}

    async def fault(self, text: str) -> None:
        """Set faults."""
        (await self.http.post("/_faults", content=text)).raise_for_status()

    async def struck(self) -> int:
        """Return how often the first fault has struck."""
        rows = (await self.http.get("/_faults")).json()["faults"]
        return int(rows[0]["struck"]) if rows else 0

    async def turn(self) -> None:
        """Let a moment pass."""
        await self.clock.sleep(TURN_S)

    async def mark(self) -> None:
        """Begin to count."""
        self.marked_at = self.clock.now()
        self.traded = (await self.trades())[-1]
        for symbol in self.symbols:
            self._facts_before[symbol] = len(await self.events(symbol, StreamKind.STATUS))
        self._states_before = len(self._states)
        self._counts_before = await self._counts()

    async def events(self, symbol: str, kind: StreamKind) -> list[LogEvent]:
        """Return a stream of the log, from its beginning."""
        key = symbol, kind
        if key not in self._tails:
            self._tails[key] = Tail(self.stores.log, Stream(self.venue, symbol, kind))
        return await self._tails[key].read()

    async def trades(self) -> list[TradeEvent]:
        """Return the trades in the log of the symbol that the faults are aimed at."""
        events = await self.events(self.symbols[0], StreamKind.TRADES)
        return [event for event in events if isinstance(event, TradeEvent)]

    async def facts(self, symbol: str) -> list[StatusEvent]:
        """Return what was told of a symbol since the mark."""
        told = await self.events(symbol, StreamKind.STATUS)
        return [e for e in told[self._facts_before.get(symbol, 0) :] if isinstance(e, StatusEvent)]

    def states(self, symbol: str) -> list[BookState]:
        """Return the states a book was published in since the mark."""
        return [state for name, state in self._states[self._states_before :] if name == symbol]

    async def says(self, path: str) -> object:
        """Return a figure or word of `/health`'s detail as it is now; sessions are summed up."""
        pulse = await self._roster.pulse()
        return _found({**pulse.detail, "state": pulse.state}, path)

    async def detail(self) -> dict[str, object]:
        """Return `/health`'s detail of the venue."""
        return (await self._roster.pulse()).detail

    async def counted(self, path: str) -> int:
        """Return by how much a counter has grown since the mark."""
        return _number(await self.says(path)) - self._counts_before.get(path, 0)

    async def intervals(self, symbol: str, covered: Covered) -> list[Interval]:
        """Return what the ledger says of the time since the mark."""
        since = self.marked_at
        if covered is Covered.TRADES:
            since = self.traded.exchange_time if self.traded else 0
        ledger = await saved_ledger(self.stores, self.venue, symbol, since, _EVER)
        await fold_trades(self.stores.log, ledger)
        return [one for one in ledger.intervals(covered) if one.end > since]

    def _note(self, writer: LogWriter) -> None:
        submit = writer.submit

        def noting(
            batches: Iterable[Batch],
            views: Iterable[BookView] = (),
            refined: Iterable[Instrument] = (),
        ) -> None:
            held = list(views)
            self._states += [(view.instrument.symbol, view.state) for view in held]
            submit(batches, held, refined)

        # What two writes cannot tell apart is seen here: the store keeps only the newest view.
        writer.submit = noting  # type: ignore[method-assign]

    async def _counts(self) -> dict[str, int]:
        detail = await self.detail()
        paths = _paths(detail)
        return {path: _number(_found(detail, path)) for path in paths}


def _found(tree: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name) if name != "sessions" else _summed(tree["sessions"])
    return tree


def _summed(sessions: dict[str, dict[str, object]]) -> dict[str, int]:
    names = {name for session in sessions.values() for name in session}
    return {name: sum(_number(one.get(name)) for one in sessions.values()) for name in names}


def _paths(tree: dict[str, object], before: str = "") -> list[str]:
    paths = []
    for name, value in tree.items():
        inner = _summed(value) if name == "sessions" else value  # type: ignore[arg-type]
        inside = _paths(inner, f"{before}{name}.") if isinstance(inner, dict) else None
        paths += [f"{before}{name}"] if inside is None else inside
    return paths


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


@asynccontextmanager
async def staged(
    venue: Venue,
    clock: Clock,
    *,
    symbols: Sequence[str],
    faults: tuple[str, ...] = (),
    settings: dict[str, object] | None = None,
) -> AsyncIterator[Stage]:
    """Run a seeded venue and the service on it while the block runs."""
    simulation = Simulation(venues=(venue,), symbols=tuple(symbols), seed=3, faults=faults)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        port = await stack.enter_async_context(simulate(simulation, clock))
        client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        http = await stack.enter_async_context(client)
        stores = memory_stores(clock)
        chosen = _settings(venue, symbols, port, {"data_dir": folder, **(settings or {})})
        service = Service(chosen, stores, clock, Random(1))  # noqa: S311  delays are no secret
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(service.run(stopped, None))
            try:
                yield Stage(venue, service, stores, http, clock)
            finally:
                stopped.set()


def _settings(venue: Venue, symbols: Sequence[str], port: int, more: dict[str, object]) -> Settings:
    endpoint = {"ws": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
    given: dict[str, object] = {
        "storage": "memory",
        "symbols": {venue: tuple(symbols)},
        "endpoints": {venue: endpoint},
        **IMPATIENT,
        **more,
    }
    return Settings(**given)
