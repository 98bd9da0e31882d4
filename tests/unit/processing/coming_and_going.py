"""Processes that join, leave, are killed, stand still and wake up over one log of three markets."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

from crew_tape import LEASE_S, crew, running, stopped
from msgspec.structs import replace
from paused_crews import Gate, SharedClock, behind
from worker_tape import DAY, HOUR, KEPT, START, VENUE, content, recomputed, trade

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

SYMBOLS = ("ADAUSDT", "BTCUSDT", "ETHUSDT")


class Savers:
    """Aggregates of one process; notes under which token each save of a market went through."""

    def __init__(self, stores: Stores, name: str, saves: list[tuple[str, int, str]]) -> None:
        self._inner = stores.aggregates
        self._name = name
        self._saves = saves

    def __getattr__(self, name: str) -> object:
        """Do everything else as the repository inside."""
        return getattr(self._inner, name)

    async def save(self, aggregates, ledger=None, *, fence: int = 0) -> None:
        """Save, and note it."""
        await self._inner.save(aggregates, ledger, fence=fence)
        for symbol in {one.instrument.symbol for one in aggregates}:
            self._saves.append((symbol, fence, self._name))


class Process:
    """One member: it runs until it is stopped or killed, and may stand still in between."""

    def __init__(self, made: Crew, gate: Gate) -> None:
        self.crew = made
        self._gate = gate
        self._stack = AsyncExitStack()

    async def start(self) -> "Process":
        """Run it."""
        await self._stack.enter_async_context(running(self.crew))
        return self

    def pause(self, call: int, name: str = "") -> None:
        """Have it stand still at one of its next calls, or of those of this name."""
        self._gate.stop_at(call, name)

    def wake(self) -> None:
        """Have it go on."""
        self._gate.wake()

    async def stop(self) -> None:
        """End it in order."""
        self._gate.open()
        await self._stack.aclose()
        await stopped(self.crew)

    async def kill(self) -> None:
        """End it: nothing of it is done any more, and it tells nobody."""
        self._gate.close()
        await self._stack.aclose()


class Field:
    """The log, its markets, and the processes on them."""

    def __init__(self) -> None:
        self.clock = SharedClock(START + 2 * DAY)
        self.stores = memory_stores(self.clock)
        self.saves: list[tuple[str, int, str]] = []
        self.processes: list[Process] = []
        self.trades: dict[str, list[TradeEvent]] = {symbol: [] for symbol in SYMBOLS}
        self._time = START + DAY
        self._started = 0

    async def join(self) -> None:
        """Start one more process, under a name of its own."""
        self._started += 1
        name, gate = f"process {self._started}", Gate()
        mine = replace(self.stores, aggregates=Savers(self.stores, name, self.saves))
        made = crew(behind(mine, gate), self.clock, name)
        self.processes.append(await Process(made, gate).start())

    async def append(self, jumps: Sequence[int]) -> None:
        """Append a trade of every market for each jump in time."""
        for jump in jumps:
            self._time += jump
            batches = [Batch(_stream(symbol), [self._trade(symbol)]) for symbol in SYMBOLS]
            await self.stores.log.append(batches)

    async def close(self) -> None:
        """Append trades so much later that all before them is closed."""
        newest = max(one.exchange_time for told in self.trades.values() for one in told)
        await self.append([max(0, newest - self._time) + 3 * DAY])

    def workers(self) -> Iterator[str]:
        """Yield the markets that are somebody's, once for each who thinks so."""
        for process in self.processes:
            for stream in process.crew.workers:
                yield stream.symbol

    async def equals_recomputation(self) -> None:
        """Compare all that is stored with the fold of the whole log."""
        for symbol, told in self.trades.items():
            for timeframe in KEPT:
                found = await self.stores.aggregates.find_by_range(
                    VENUE, symbol, timeframe, 0, 1 << 62
                )
                expected = recomputed(told, timeframe)
                if timeframe in {Timeframe.H1, Timeframe.D1}:
                    # Those of the last trade are still open, and open ones are not summed.
                    expected.pop()
                assert content(found) == content(expected), (symbol, timeframe)

    def nobody_shared_a_token(self) -> None:
        """Each token of a market had one saver, and none saved after a newer one."""
        for symbol in SYMBOLS:
            mine = [(fence, name) for market, fence, name in self.saves if market == symbol]
            savers = dict(mine)
            assert [(fence, savers[fence]) for fence, _ in mine] == mine
            assert [fence for fence, _ in mine] == sorted(fence for fence, _ in mine)

    def _trade(self, symbol: str) -> TradeEvent:
        number = len(self.trades[symbol]) + 1
        made = trade(number, self._time, price=600_000 + (number * len(symbol)) % 7)
        made = replace(made, instrument=_instrument(symbol), received_at=self._time + HOUR)
        self.trades[symbol].append(made)
        return made


def _stream(symbol: str) -> Stream:
    return Stream(VENUE, symbol, StreamKind.TRADES)


def _instrument(symbol: str) -> Instrument:
    return Instrument(VENUE, symbol, Scale(Decimal("0.10"), Decimal("0.001")))


async def played(steps: Sequence[tuple[str, int, Sequence[int], float]]) -> None:
    """Play a schedule, end it with one more process, and compare what is stored."""
    field = Field()
    await field.join()
    await field.append([0])
    for action, which, jumps, wait in steps:
        await _play(field, action, which)
        await field.append(jumps)
        await field.clock.move(wait)
    await field.join()
    for process in field.processes:
        process.wake()
    await field.clock.move(4 * LEASE_S)
    await field.close()
    await field.clock.move(4 * LEASE_S)
    assert sorted(field.workers()) == sorted(SYMBOLS)
    await field.equals_recomputation()
    field.nobody_shared_a_token()
    for process in field.processes:
        await process.stop()


async def _play(field: Field, action: str, which: int) -> None:
    if action == "join" and len(field.processes) < 4:
        await field.join()
    elif not field.processes:
        return
    elif action in {"leave", "kill"}:
        process = field.processes.pop(which % len(field.processes))
        await (process.stop() if action == "leave" else process.kill())
    elif action == "pause":
        field.processes[which % len(field.processes)].pause(which + 1)
    elif action == "pause in save":
        field.processes[which % len(field.processes)].pause(which // 8 + 1, "save")
    elif action == "wake":
        for process in field.processes:
            process.wake()
    await asyncio.sleep(0)
