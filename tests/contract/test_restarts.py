"""What a restart reads of a tape: after a trim, beside a worker that saves, after lost commits."""

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from contract_samples import BTC, ETH

from cloud_marketdata.collectors.restoring import restored
from cloud_marketdata.collectors.tapes.tape import Tapes
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Batch, CoverageRepository, Stores, Stream, StreamKind

pytestmark = pytest.mark.anyio
START = 1_700_000_000 * NS_PER_S
HOUR = 3_600 * NS_PER_S
NEVER = 1 << 62
BOTH = pytest.mark.parametrize("of", [BTC, ETH], ids=["ids prove", "ids do not prove"])


class Held(SystemClock):
    """A clock whose time the test sets."""

    at = START

    def now(self) -> int:
        """Nanoseconds, as set."""
        return self.at


def trade(of: Instrument, number: int, heard: int | None = None) -> TradeEvent:
    """Return the trade of a second: one a second, heard at once unless told otherwise."""
    ident = number if of.venue.contiguous_ids else f"u{number}"
    at = START + number * NS_PER_S
    when = at if heard is None else heard
    return TradeEvent(of, ident, 100, 7, Side.BUY, at, when, number)


async def log(
    stores: Stores, of: Instrument, numbers: Iterable[int], heard: int | None = None
) -> int:
    """Append one entry; return its position."""
    stream = Stream(of.venue, of.symbol, StreamKind.TRADES)
    [position] = await stores.log.append([Batch(stream, [trade(of, n, heard) for n in numbers])])
    return position


async def started(stores: Stores, of: Instrument, clock: Held) -> Worker:
    """Return a worker that has loaded what is stored."""
    stream = Stream(of.venue, of.symbol, StreamKind.TRADES)
    worker = Worker(stream, stores, clock, Settings(), fence=0, tally=Tally())
    await worker.restore()
    return worker


async def in_bars(stores: Stores, of: Instrument) -> int:
    """Count the trades that are inside the stored minutes."""
    found = await stores.aggregates.find_by_range(of.venue, of.symbol, Timeframe.M1, 0, NEVER)
    return sum(minute.bar.count for minute in found)


@BOTH
async def test_a_restart_after_a_trim_goes_on_behind_the_true_end(stores, of):
    clock = Held()
    worker = await started(stores, of, clock)
    await log(stores, of, range(1, 50))
    await log(stores, of, range(61, 101))
    await log(stores, of, range(50, 61), START + 103 * NS_PER_S)  # filled in behind the end
    clock.at += 3 * HOUR
    await worker.finish()
    left = await stores.log.read(worker.stream)
    assert [record.events[0].sequence for record in left] == [61, 50], "the rest is trimmed"

    found = await restored(stores, of.venue, of.symbol)
    tape = Tapes(of.venue).restore(of.symbol, found.tape)

    assert tape.last
    assert tape.last.exchange_time == trade(of, 100).exchange_time
    assert found.gaps == []
    assert not any(tape.admit(trade(of, number)).new for number in range(61, 101))
    verdict = tape.admit(trade(of, 101))
    assert (verdict.new, verdict.gap) == (True, None)


class SavesMeanwhile:
    """A coverage repository behind whose first answer a worker saves, and so trims."""

    def __init__(self, inner: CoverageRepository, worker: Worker) -> None:
        self._inner = inner
        self._worker = worker

    async def find(self, *asked: object) -> Kept:
        """Answer as the repository inside, and let the worker save once."""
        kept = await self._inner.find(*asked)
        if not self._worker.saves:
            await self._worker.finish()
        return kept


async def test_a_save_and_a_trim_while_the_ledger_is_read_make_no_hole(stores):
    clock = Held()
    first = await started(stores, BTC, clock)
    await log(stores, BTC, range(1, 50))
    await first.finish()
    for number in (50, 51, 52):
        await log(stores, BTC, [number])
    clock.at += 2 * HOUR
    second = await started(stores, BTC, clock)
    racing = msgspec.structs.replace(stores, coverage=SavesMeanwhile(stores.coverage, second))

    found = await restored(racing, BTC.venue, BTC.symbol)

    assert second.saves == 1
    assert len(await stores.log.read(second.stream)) == 1, "the save has trimmed"
    assert (found.gaps, list(found.tape.holes)) == ([], [])
    assert found.tape.end.id == 52


def _forget_commits(folder: Path, above: int) -> None:
    """Do to the log what a power cut may do: its last commits are gone, those of others stay."""
    connection = sqlite3.connect(folder / "hot.db")
    connection.execute("DELETE FROM entries WHERE position > ?", (above,))
    connection.commit()
    connection.close()


@asynccontextmanager
async def after_a_power_cut(
    folder: Path, of: Instrument, clock: Held, left: int
) -> AsyncIterator[tuple[Stores, int]]:
    """Store twenty entries and their minute, lose some entries; tell how far it was saved."""
    async with open_embedded(folder, clock) as stores:
        worker = await started(stores, of, clock)
        for number in range(1, 21):
            await log(stores, of, [number])
        await worker.finish()
    _forget_commits(folder, above=left)
    async with open_embedded(folder, clock) as stores:
        yield stores, worker.position


@BOTH
@pytest.mark.parametrize("left", [10, 0])
async def test_after_lost_commits_positions_go_on_above_what_is_stored(tmp_path, of, left):
    clock = Held()
    async with after_a_power_cut(tmp_path, of, clock, left) as (stores, saved):
        assert await log(stores, of, [21]) > saved
        worker = await started(stores, of, clock)
        for number in range(22, 31):
            await log(stores, of, [number])
        await worker.finish()
        assert await in_bars(stores, of) == 30
        assert worker.ledger.missing() == []


@pytest.mark.parametrize("left", [10, 0])
async def test_after_lost_commits_a_tape_goes_on_where_the_ledger_ends(tmp_path, left):
    async with after_a_power_cut(tmp_path, BTC, Held(), left) as (stores, _):
        found = await restored(stores, BTC.venue, BTC.symbol)
    tape = Tapes(BTC.venue).restore(BTC.symbol, found.tape)

    assert found.gaps == []
    assert not tape.admit(trade(BTC, 15)).new, "it is inside the minutes already"
    gap = tape.admit(trade(BTC, 25)).gap
    assert gap
    assert (gap.after_id, gap.before_id) == (20, 25)
    assert (gap.start, gap.end) == (trade(BTC, 20).exchange_time, trade(BTC, 25).exchange_time)
