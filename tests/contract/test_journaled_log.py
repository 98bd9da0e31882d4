"""Whatever server, disk and process do, each acknowledged entry is there exactly once."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from contract_samples import BTC, TRADES, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from unreliable_log import Fault, UnreliableLog

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import BadRequestError, StorageError
from cloud_marketdata.storage.entry import TakenError, unstamped
from cloud_marketdata.storage.journal import (
    Journal,
    JournaledLog,
    JournalFullError,
    JournalPulse,
    journaled,
    open_journal,
)
from cloud_marketdata.storage.journal.drain import Disk, Drain, Patience
from cloud_marketdata.storage.packing import unpack_events
from cloud_marketdata.storage.ports import Stream, StreamKind

pytestmark = pytest.mark.anyio

FACTS = Stream(BTC.venue, BTC.symbol, StreamKind.STATUS)
STREAMS = (TRADES, FACTS)
MOST = 1 << 20
FOREIGN = 1_000_000
PATIENCE_S = 0.002
RANDOM = Random(1)  # noqa: S311  delays are no secret


class Brisk(SystemClock):
    """A clock that waits a fiftieth of what it is asked for."""

    async def sleep(self, seconds: float) -> None:
        """Wait a little."""
        await asyncio.sleep(seconds / 50)


def numbers(remote: UnreliableLog, stream: Stream) -> list[int]:
    """Return the trades of a stream of ours, in the order of the log."""
    entries = remote.entries.get(stream, [])
    assert [e.position for e in entries] == sorted({e.position for e in entries})
    found = [event.id for entry in entries for event in unpack_events(entry.block)]
    return [number for number in found if number < FOREIGN]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  the thread on the disk sets no event
            await asyncio.sleep(0.0005)


class Process:
    """A collector's log, which can be killed; `acknowledged` and `refused` are what it was told."""

    def __init__(self, folder: Path, remote: UnreliableLog, most: int) -> None:
        self.thread = ThreadPoolExecutor(1)
        disk = Disk(Journal(folder, most), self.thread)
        writing, clock = Patience(remote, PATIENCE_S), Brisk()
        drain = Drain(disk, writing, clock, RANDOM)
        self.log = JournaledLog(remote, writing, drain, clock, RANDOM)
        self.journal = disk.journal
        self.draining = asyncio.ensure_future(drain.run())
        self.appending: list[asyncio.Task[list[int]]] = []

    async def kill(self) -> None:
        """Lose everything that is not on the disk."""
        tasks = [self.draining, *self.appending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.thread.shutdown()


class World:
    """The server, the disk, and one process after the other."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self.remote = UnreliableLog()
        self.number = 0
        self.intruded = 0
        self.acknowledged: dict[Stream, list[int]] = {stream: [] for stream in STREAMS}
        self.refused: set[int] = set()
        self.process = Process(folder, self.remote, most)

    async def append(self, streams: list[Stream]) -> None:
        """Append one batch each; the outcome is noted when it comes."""
        made = []
        for stream in streams:
            self.number += 2
            made.append((stream, self.number))
        batches = [batch(number, number + 1, stream=stream) for stream, number in made]
        process = self.process

        async def run() -> None:
            try:
                await process.log.append(batches)
            except StorageError:
                self.refused |= {number for _, number in made}
            else:
                for stream, number in made:
                    self.acknowledged[stream] += [number, number + 1]

        process.appending.append(asyncio.ensure_future(run()))
        # It may have to wait for a disk that is full, and then the next step makes room.
        await asyncio.wait([process.appending[-1]], timeout=0.02)

    def intrude(self, stream: Stream, ahead: int) -> None:
        """Have somebody else append."""
        self.intruded += 1
        self.remote.intrude(unstamped(batch(FOREIGN + self.intruded, stream=stream)), ahead)

    async def restart(self) -> None:
        """Kill the process and start another one."""
        await self.process.kill()
        disk_is_full(full=False)
        self.process = Process(self.folder, self.remote, self.most)

    async def heal(self) -> None:
        """Let everything work again, and wait until nothing waits."""
        disk_is_full(full=False)
        self.remote.faults.clear()
        self.remote.away = False
        process = self.process
        await until(lambda: all(task.done() for task in process.appending))
        await until(lambda: not process.journal.entries)


def disk_is_full(*, full: bool) -> None:
    """Have the kernel refuse every byte that is written to a file by this process, or allow it."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0 if full else hard, hard))


STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3)),
    st.tuples(st.just("append"), st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3)),
    st.tuples(st.just("faults"), st.lists(st.sampled_from(Fault), min_size=1, max_size=4)),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("intrude"), st.sampled_from(STREAMS), st.integers(1, 8)),
    st.tuples(st.just("forget")),
    st.tuples(st.just("disk"), st.booleans()),
    st.tuples(st.just("kill")),
    st.tuples(st.just("breathe")),
)


async def play(world: World, step: tuple) -> None:
    """Do one step."""
    match step:
        case ("append", streams):
            await world.append(streams)
        case ("faults", faults):
            world.remote.faults += faults
        case ("away", away):
            world.remote.away = away
        case ("intrude", stream, ahead):
            world.intrude(stream, ahead)
        case ("forget",):
            world.remote.forget()
        case ("disk", full):
            disk_is_full(full=full)
        case ("kill",):
            await world.restart()
        case _:
            await asyncio.sleep(0.002)


async def told_and_found(steps: list[tuple], most: int) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), most)
        try:
            for step in steps:
                await play(world, step)
            await world.heal()
        finally:
            disk_is_full(full=False)
            await world.process.kill()
        for stream in STREAMS:
            found = numbers(world.remote, stream)
            assert len(found) == len(set(found)), "nothing is there twice"
            ours = set(world.acknowledged[stream])
            assert [number for number in found if number in ours] == world.acknowledged[stream]
            assert not set(found) & world.refused, "what was refused may be tried again"


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=25), st.sampled_from([600, 3_000, MOST]))
def test_each_acknowledged_entry_is_there_exactly_once_and_in_order(steps, most):
    asyncio.run(told_and_found(steps, most))


@asynccontextmanager
async def opened(
    folder: Path, remote: UnreliableLog, most: int = MOST
) -> AsyncIterator[JournaledLog]:
    async with (
        open_journal(folder, most) as disk,
        journaled(remote, disk, Brisk(), RANDOM, patience_s=PATIENCE_S) as log,
    ):
        yield log


async def test_while_the_server_answers_nothing_is_journalled(tmp_path):
    remote = UnreliableLog()
    async with opened(tmp_path, remote) as log:
        assert await log.append([batch(1, 2), batch(3, stream=FACTS)]) == [1, 2]
        assert (log.journal.entries, remote.writes) == (0, 1)
        pulse = await JournalPulse(log).pulse()
    assert (pulse.ok, pulse.state, pulse.detail["longest_s"]) == (True, "ok", 0.0)


async def test_an_outage_is_bridged_counted_and_over_when_all_is_drained(tmp_path):
    remote = UnreliableLog()
    remote.away = True
    async with opened(tmp_path, remote) as log:
        for number in range(1, 40):
            await log.append([batch(number)])
        pulse = await JournalPulse(log).pulse()
        assert (pulse.ok, pulse.state, pulse.detail["entries"]) == (False, "filling", 39)
        assert pulse.detail["since_ms"] == 0
        remote.away = False
        await until(lambda: not log.journal.entries)
        pulse = await JournalPulse(log).pulse()
    assert (pulse.ok, pulse.state, pulse.detail["drained"]) == (True, "ok", 39)
    assert pulse.detail["longest_s"] > 0
    assert numbers(remote, TRADES) == list(range(1, 40))


async def test_an_absence_is_as_long_as_it_is_though_entries_come_until_its_end(tmp_path):
    remote = UnreliableLog()
    remote.away = True
    async with opened(tmp_path, remote) as log:
        # The samples were received in 1970.
        await log.append([batch(1)])
        late = unstamped(batch(2))._replace(position=2, received=SystemClock().now())
        drop = log.journal.drop

        def drop_before_the_next_comes(count: int) -> None:
            log.journal.drop = drop
            drop(count)
            log.journal.add([late])

        log.journal.drop = drop_before_the_next_comes
        remote.away = False
        await until(lambda: log.drain.moved == 2)
        pulse = await JournalPulse(log).pulse()
    assert pulse.detail["longest_s"] > 3600
    assert numbers(remote, TRADES) == [1, 2]


async def test_appends_wait_behind_what_is_journalled_although_the_server_is_back(tmp_path):
    remote = UnreliableLog()
    remote.faults = [Fault.REFUSE, Fault.REFUSE, Fault.REFUSE]
    async with opened(tmp_path, remote) as log:
        for number in range(1, 10):
            await log.append([batch(number)])
        await until(lambda: not log.journal.entries)
        await log.append([batch(10)])
        assert log.journal.entries == 0
    assert numbers(remote, TRADES) == list(range(1, 11))


async def test_a_full_journal_refuses_before_anything_is_written(tmp_path):
    remote = UnreliableLog()
    remote.away = True
    async with opened(tmp_path, remote, most=2_000) as log:
        accepted = 0
        while log.journal.bytes + 200 < 2_000:
            await log.append([batch(accepted + 1)])
            accepted += 1
        with pytest.raises(JournalFullError):
            await log.append([batch(*range(accepted + 1, accepted + 90))])
        pulse = await JournalPulse(log).pulse()
        assert (pulse.state, pulse.detail["refused"]) == ("full", 1)
        remote.away = False
        await until(lambda: not log.journal.entries)
        await log.append([batch(accepted + 1)])
    assert numbers(remote, TRADES) == list(range(1, accepted + 2))


async def test_the_end_of_a_log_is_not_told_until_a_former_process_is_drained(tmp_path):
    remote = UnreliableLog()
    remote.away = True
    async with opened(tmp_path, remote) as log:
        await log.append([batch(1)])
    async with opened(tmp_path, remote) as log:
        for asked in (
            log.last(TRADES),
            log.last(FACTS),
            log.reader(TRADES, after=0),
            log.overlapping(TRADES, 0, 9, limit=9),
        ):
            with pytest.raises(StorageError, match="entries of a former process"):
                await asked
        remote.away = False
        await until(lambda: not log.drain.former)
        assert (await log.last(TRADES)).position == 1
        assert await log.reader(TRADES, after=7) == (TRADES, 7)
        assert len(await log.overlapping(TRADES, 0, 9, limit=9)) == 1


async def test_the_end_of_a_stream_is_not_told_while_its_own_entries_wait(tmp_path):
    remote = UnreliableLog()
    async with opened(tmp_path, remote) as log:
        await log.append([batch(1)])
        remote.away = True
        await log.append([batch(2)])
        for asked in (log.last(TRADES), log.overlapping(TRADES, 0, 9, limit=9, newest=True)):
            with pytest.raises(StorageError, match=r"entries of .* wait for the log"):
                await asked
        assert await log.last(FACTS) is None
        assert await log.reader(TRADES, after=0) == (TRADES, 0)
        assert len(await log.overlapping(TRADES, 0, 9, limit=9)) == 1
        remote.away = False
        await until(lambda: not log.journal.entries)
        assert (await log.last(TRADES)).position == 2


async def test_only_what_was_refused_gets_a_new_position(tmp_path):
    remote = UnreliableLog()
    async with opened(tmp_path, remote) as log:
        await log.append([batch(1)])
        remote.intrude(unstamped(batch(FOREIGN)), 5)
        await log.append([batch(2), batch(3, stream=FACTS), batch(4)])
        await until(lambda: not log.journal.entries)
        assert log.drain.restamped == 0, "the append itself has seen it"
    assert [entry.position for entry in remote.entries[TRADES]] == [1, 6, 7, 8]
    assert [entry.position for entry in remote.entries[FACTS]] == [3]


async def test_a_position_given_anew_outlives_the_process_that_gave_it(tmp_path):
    world = World(tmp_path, MOST)
    world.remote.away = True
    await world.append([TRADES])
    await world.append([TRADES])
    world.intrude(TRADES, 9)
    # The first attempt learns that the position is taken; of the second one the reply is lost.
    world.remote.faults = [None, Fault.LOSE]
    world.remote.away = False
    await until(lambda: bool(numbers(world.remote, TRADES)))
    world.remote.away = True
    await world.restart()
    await world.heal()
    await world.process.kill()
    assert numbers(world.remote, TRADES) == [2, 3, 4, 5] == world.acknowledged[TRADES]


async def test_a_block_that_fails_leaves_its_own_error_and_no_task_behind(tmp_path):
    before = asyncio.all_tasks()

    async def block() -> None:
        async with opened(tmp_path, UnreliableLog()):
            assert len(asyncio.all_tasks()) == len(before) + 1
            raise BadRequestError("mine")

    with pytest.raises(BadRequestError, match="mine"):
        await block()
    assert asyncio.all_tasks() == before


async def test_a_folder_belongs_to_one_process(tmp_path):
    async with open_journal(tmp_path, MOST):
        with pytest.raises(BadRequestError, match="already does journal"):
            async with open_journal(tmp_path, MOST):
                pass


def test_a_taken_position_says_whose_and_where():
    error = TakenError(TRADES, 5, 9)
    assert (error.stream, error.position, error.last) == (TRADES, 5, 9)
    assert "position 5 is taken, the log stands at 9" in str(error)
