"""Crews over one market's tape, and the comparison of what they stored with brute force."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

from paused_crews import SharedClock
from worker_tape import BTC, DAY, KEPT, START, STREAM, content, recomputed, stored
from worker_tape import trade as traded

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.rendezvous import ranked
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.storage.coverage import fold_trades
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Batch, Stores, Stream
from cloud_marketdata.storage.tiering.ports import Turn

LEASE_S = 1.0
PACE = Settings(lease_s=LEASE_S, save_ms=200, tiering_every_s=3.0, signals=False)


def crew(stores: Stores, clock: SharedClock, holder: str, paced: Settings = PACE) -> Crew:
    """Return a crew that makes the store see its token, and forgets nothing."""

    async def forget(venue, symbol, *, fence: int) -> Turn:
        await stores.aggregates.forget(venue, symbol, Timeframe.S1, 0, fence=fence)
        return Turn()

    random = Random(1)  # noqa: S311  a seed must repeat
    members = member(stores, clock, holder, paced)
    return Crew(stores, paced, clock, random, forget=forget, membership=members)


def member(stores: Stores, clock: SharedClock, name: str, paced: Settings = PACE) -> Membership:
    """Return one of those that share the markets."""
    return Membership(stores.members, "process", name, seconds=paced.lease_s, clock=clock)


def in_line(*names: str, stream: Stream = STREAM) -> list[str]:
    """Return the names in the order in which a market is theirs."""
    return ranked(f"worker/{stream.venue}/{stream.symbol}", names)


@asynccontextmanager
async def running(*crews: Crew):
    """Run crews while the block runs; afterwards they are no members any more, told or not."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run()) for one in crews]
        tasks += [group.create_task(one._membership.run()) for one in crews]
        yield tasks
        for task in tasks:
            task.cancel()


async def stopped(one: Crew) -> None:
    """Stop a crew that does not run any more in order, as a process does it."""
    await one._membership.leave()
    await one.finish()


class Tape:
    """Trades that are appended as time goes on."""

    def __init__(self, stores: Stores) -> None:
        self.trades = []
        self._stores = stores
        self._time = START + DAY

    async def append(self, *jumps: int) -> None:
        """Append one entry with a trade for every jump in time."""
        batch = []
        for jump in jumps:
            self._time += jump
            number = len(self.trades) + len(batch) + 1
            batch.append(traded(number, self._time, price=600_000 + number % 7))
        self.trades += batch
        await self._stores.log.append([Batch(STREAM, batch)])

    async def close(self) -> None:
        """Append a trade so much later that all before it is closed."""
        newest = max([self._time, *(one.exchange_time for one in self.trades)])
        await self.append(newest - self._time + 3 * DAY)


async def equals_brute_force(stores: Stores, tape: Tape) -> None:
    """Compare everything that is stored with the fold of the whole tape."""
    for timeframe in KEPT:
        expected = recomputed(tape.trades, timeframe)
        if timeframe in {Timeframe.H1, Timeframe.D1}:
            # Those of the last trade are still open, and open ones are not summed.
            expected.pop()
        assert content(await stored(stores, timeframe)) == content(expected), timeframe
    kept = await stores.coverage.find(BTC.venue, BTC.symbol, 0, 1 << 62)
    folded = Ledger(BTC.venue, BTC.symbol, Kept())
    await fold_trades(stores.log, folded)
    saved = Ledger(BTC.venue, BTC.symbol, kept)
    assert (saved.trades_at, saved.newest, saved.counts) == (
        folded.trades_at,
        folded.newest,
        folded.counts,
    )
