"""A whole service over stores that fail: its health tells, and a stop comes to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from random import Random

import msgspec
import pytest
from structlog.testing import capture_logs

from cloud_marketdata.api.health import HealthOut
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Venue
from cloud_marketdata.main import Service
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.roles import collecting
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

pytestmark = pytest.mark.anyio
BTC = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.01")))
STREAM = Stream(BTC.venue, BTC.symbol, StreamKind.TRADES)
START = 1_700_000_000 * NS_PER_S
TURNS = 20_000
AWAY = StorageError("database or disk is full")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Hasty(SystemClock):
    """A clock on which every wait is over after a turn of the loop, and some time has passed.

    No more than a second, or who sleeps for minutes would have everybody's leases lapse.
    """

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return START + round(self.passed * NS_PER_S)

    def monotonic(self) -> float:
        """Seconds that were slept."""
        return self.passed

    async def sleep(self, seconds: float) -> None:
        """Let the others run, then be later."""
        await asyncio.sleep(0)
        self.passed += min(seconds, 1.0)


class Faulty:
    """A repository one of whose methods raises while there is an error to raise."""

    def __init__(self, inner: object, name: str) -> None:
        self.error: Exception | None = None
        self._inner = inner
        self._name = name

    def __getattr__(self, name: str) -> object:
        """Return the method of the repository inside, with the fault before it."""
        method = getattr(self._inner, name)
        return partial(self._unless_away, method) if name == self._name else method

    async def _unless_away(self, method: Callable, *asked: object, **named: object) -> object:
        if self.error:
            raise self.error
        return await method(*asked, **named)


def trade(number: int) -> TradeEvent:
    at = START + number * NS_PER_S
    return TradeEvent(BTC, number, 100, 7, Side.BUY, at, at, number)


def service(stores: Stores, clock: Hasty, role: str = "all") -> Service:
    """Return a service that collects nothing from anywhere."""
    # On this clock every sleeper moves the time on for all, so a short lease would lapse at once.
    settings = Settings(
        role=role,
        storage="memory",
        symbols=dict.fromkeys(Venue, ()),
        lease_s=600,
        store_timeout_s=0.05,
        tiering_every_s=1,
    )
    return Service(settings, stores, clock, Random(1))  # noqa: S311  a seed must repeat


@asynccontextmanager
async def running(made: Service) -> AsyncIterator[None]:
    """Run a service without a port while the block runs."""
    stopped = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(made.run(stopped, None))
        yield
        stopped.set()


async def becomes(made: Service, status: str) -> HealthOut:
    """Ask for the health until it is this."""
    for _ in range(TURNS):
        answer = await made.operations.health.ask()
        if answer.status == status:
            return answer
    msg = f"never {status}: {answer}"
    raise AssertionError(msg)


@pytest.mark.parametrize("error", [AWAY, OverflowError("too large for SQLite")])
async def test_a_worker_in_trouble_is_seen_in_the_health_until_it_is_over(error):
    clock = Hasty()
    stores = memory_stores(clock)
    broken = Faulty(stores.aggregates, "save")
    made = service(msgspec.structs.replace(stores, aggregates=broken), clock)
    await stores.log.append([Batch(STREAM, [trade(1)])])
    async with running(made):
        await becomes(made, "healthy")
        broken.error = error
        await stores.log.append([Batch(STREAM, [trade(2)])])

        sick = await becomes(made, "degraded")
        [pulse] = [p for p in sick.detail.components if not p.ok]
        assert (pulse.group, pulse.state) == ("processing", "behind")
        assert pulse.detail["trouble"].keys() == {"binance-spot/BTCUSDT"}
        assert str(error) in pulse.detail["trouble"]["binance-spot/BTCUSDT"]

        broken.error = None
        well = await becomes(made, "healthy")
        [pulse] = [p for p in well.detail.components if p.name == "workers"]
        none = ("elsewhere", "lost", "given", "too_late", "forgotten", "repeats", "refused_sums")
        flow = ("flow_signals", "flow_late", "flow_begun_anew", "flow_broken")
        warming = pulse.detail.pop("warming")
        assert warming > 0
        assert pulse.detail == {
            "workers": 1,
            "analysts": 1,
            **dict.fromkeys(flow, 0),
            "trouble": {},
            "holding": {},
            **dict.fromkeys(none, 0),
        }


@pytest.mark.parametrize(("role", "told"), [("all", True), ("process", True), ("collect", False)])
def test_workers_are_part_of_the_health_where_there_are_any(role, told):
    clock = Hasty()
    made = service(memory_stores(clock), clock, role)
    assert any(isinstance(one, Crew) for one in made.components) is told


async def test_a_stop_ends_although_the_store_is_away_and_tells_what_was_not_written(monkeypatch):
    monkeypatch.setattr(collecting, "_DRAIN_S", 0.05)
    clock = Hasty()
    stores = memory_stores(clock)
    full = Faulty(stores.log, "append")
    full.error = AWAY
    made = service(msgspec.structs.replace(stores, log=full), clock)
    made.collecting.writer.submit([Batch(STREAM, [trade(1), trade(2)])])
    with capture_logs() as logs:
        async with running(made):
            pass

    [lost] = [entry for entry in logs if entry["event"] == "service.not_written"]
    assert (lost["log_level"], lost["events"]) == ("error", 2)
    assert logs[-1]["event"] == "service.stopped"


@pytest.mark.parametrize("method", ["save", "find_by_range", "forget"])
async def test_a_stop_ends_although_aggregates_cannot_be_saved_and_the_next_start_saves(
    method,
):
    clock = Hasty()
    stores = memory_stores(clock)
    away = Faulty(stores.aggregates, method)
    away.error = AWAY
    made = service(msgspec.structs.replace(stores, aggregates=away), clock)
    [position] = await stores.log.append([Batch(STREAM, [trade(1)])])
    with capture_logs() as logs:
        async with running(made):
            pass

    if method != "find_by_range":
        [told] = [entry for entry in logs if entry["event"] == "worker.not_saved"]
        assert (told["log_level"], told["symbol"]) == ("error", BTC.symbol)
    assert logs[-1]["event"] == "service.stopped"
    async with running(service(stores, clock)):
        pass
    assert await stores.aggregates.position(BTC.venue, BTC.symbol) == position


async def test_a_stop_waits_for_a_store_that_comes_back_and_loses_nothing():
    clock = Hasty()
    stores = memory_stores(clock)
    full = Faulty(stores.log, "append")
    full.error = AWAY
    made = service(msgspec.structs.replace(stores, log=full), clock)
    made.collecting.writer.submit([Batch(STREAM, [trade(1), trade(2)])])

    async def mended() -> None:
        for _ in range(TURNS):
            if "writer.storage_away" in {entry["event"] for entry in logs}:
                break
            await asyncio.sleep(0)
        full.error = None

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group, running(made):
            group.create_task(mended())

    assert made.collecting.writer.appended == 2
    [record] = await stores.log.read(STREAM)
    assert await stores.aggregates.position(BTC.venue, BTC.symbol) == record.position
    assert "service.not_written" not in {entry["event"] for entry in logs}


def test_a_proxy_that_is_none_is_told_before_anything_starts():
    settings = Settings(storage="memory", trusted_proxies=("10.0.0.0/33",))

    with pytest.raises(SettingsError, match=r"trusted_proxies.*10\.0\.0\.0/33"):
        Service(settings, memory_stores(Hasty()), Hasty(), Random(1))  # noqa: S311  a test
