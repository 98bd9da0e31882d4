"""An application over two captures of one time, played through what a running service would run.

Every entry is in the log, workers have folded it, analysts have told its minutes, the books stand
as the last message left them, and the clock stands there too. Nobody compares the two venues here,
so the pair and its second market are known without a minute told.
"""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from msgspec.structs import replace
from recordings import RECORDINGS, frames, player

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import UnknownMarketError
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.processing.flow.offline import TapeAnalysis
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind
from guarded import Guarded

CAPTURES: Final = ("usdm-0808", "spot-0808")
PAIR: Final = Subject.pair(Venue.BINANCE_USDM, Venue.BYBIT_LINEAR, "BTCUSDT")
KEY_IDS: Final = ("ab12cd34", *(f"ab12c{at:03}" for at in range(300)))
_LEVELS: Final = 200


class StoppedClock:
    """A clock that stands."""

    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        """Tell the time."""
        return self._at

    def monotonic(self) -> float:
        """Tell seconds."""
        return self._at / 1e9

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        raise NotImplementedError(seconds)


class KeptRoster:
    """Symbols that admin calls change, of a venue that lists what the captures hold."""

    def __init__(self) -> None:
        self.collected = ["BTCUSDT"]
        self.configured = ("BTCUSDT",)
        self.discovered = self.unknown = self.added = ()
        self.removed: set[str] = set()

    async def add(self, symbol: str) -> None:
        """Collect a symbol."""
        self._known(symbol)
        if symbol not in self.collected:
            self.collected.append(symbol)
        self.removed.discard(symbol)

    async def remove(self, symbol: str) -> None:
        """Collect a symbol no more."""
        if symbol not in self.collected:
            self._known("")
        self.collected.remove(symbol)
        self.removed.add(symbol)

    def _known(self, symbol: str) -> None:
        if symbol != "BTCUSDT":
            msg = "the venue lists BTCUSDT alone"
            raise UnknownMarketError(msg)


async def served(data: Path, seconds: int) -> FastAPI:
    """Return the application over the first seconds of both captures."""
    first = frames(data, RECORDINGS[CAPTURES[0]])
    clock = StoppedClock(first[0].received_at + seconds * NS_PER_S)
    stores = memory_stores(clock)
    for name in CAPTURES:
        await _fill(stores, clock, data, name)
    listed = read_instruments(data / "instruments.json", Venue.BYBIT_LINEAR)
    await stores.instruments.save([one for one in listed if one.symbol == PAIR.symbol])
    await stores.flow.save(PAIR, FlowChanges(b"here"))
    settings = Settings(limit_per_ip=10_000_000)
    guarded = Guarded(clock, settings)
    operations = Operations([], settings, clock)
    await operations.recovery.look()
    app = create_app(
        queries=Queries(stores, clock, settings),
        operations=operations,
        clock=clock,
        settings=settings,
        guard=guarded.edge,
        rosters={venue: KeptRoster() for venue in Venue},
    )
    app.state.key = await _key(guarded)
    return app


async def _key(guarded: Guarded) -> str:
    """Return a key that is good for everything; those of KEY_IDS are there to be changed."""
    key = await guarded.key(*Scope, per_minute=10_000_000)
    (record,) = await guarded.keys.all()
    copies = [replace(record, id=one, lineage=one, revision=1) for one in KEY_IDS]
    assert await guarded.keys.change(copies)
    return key


async def _fill(stores: Stores, clock: StoppedClock, data: Path, name: str) -> None:
    """Store what a service makes of one capture up to now."""
    recording, now = RECORDINGS[name], clock.now()
    made, entries = player(data, recording.venue), list[Batch]()
    made._fold = entries.extend
    made.play(frame for frame in frames(data, recording) if frame.received_at < now)
    instrument = next(entry for entry in entries if entry.events).events[-1].instrument
    await stores.instruments.save([instrument])
    await stores.log.append(entries)
    await stores.books.publish([made.intake.lane(instrument.symbol).view(_LEVELS, now)])
    stream = Stream(instrument.venue, instrument.symbol, StreamKind.TRADES)
    worker = Worker(stream, stores, clock, Settings(), fence=0, tally=Tally())
    await worker.restore()
    while await worker.step():
        await worker.save()
    analysis = TapeAnalysis(instrument)
    for entry in entries:
        analysis.take(entry)
    told = analysis.end()
    subject = Subject.market(instrument.venue, instrument.symbol)
    await stores.flow.save(subject, FlowChanges(b"here", told.minutes, told.signals))
