"""A pair has one owner among several processes, and moves to its heir without loss."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace
from paused_crews import Gate, SharedClock, behind
from test_pair_analysts import PLAN, closing, expected, kept, logged
from two_markets import BASE, PAIR, entries

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.rendezvous import ranked
from cloud_marketdata.processing.pairs.crew import PairCrew
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
LEASE_S = 2.0
ALL = ("log", "leases", "members", "flow")
FIRST, SECOND = ranked(f"pair/{PAIR.subject.scope}/{PAIR.symbol}", ["a", "b"])
SHORT = replace(PLAN, seconds=70, steps=2, trades=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def crew(stores: Stores, clock: SharedClock, name: str) -> PairCrew:
    members = Membership(stores.members, "process", name, seconds=LEASE_S, clock=clock)
    random = Random(1)  # noqa: S311  a seed must repeat
    paced = Settings(lease_s=LEASE_S, save_ms=10)
    return PairCrew(stores, paced, clock, random, membership=members)


@asynccontextmanager
async def running(one: PairCrew):
    """Run a crew and its membership while the block runs."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run()) for each in (one, one._membership)]
        yield
        for task in tasks:
            task.cancel()


def works(one: PairCrew) -> bool:
    """Return whether the pair is this crew's."""
    return any(owner.analyst is not None for owner in one.owners.values())


@pytest.mark.parametrize("ending", ["joined", "left", "killed"])
async def test_a_pair_goes_on_at_its_heir_where_its_last_owner_stood(ending):
    clock = SharedClock(BASE)
    stores, told = memory_stores(clock), entries(SHORT)
    half = len(told) // 2
    gate = Gate()
    names = (SECOND, FIRST) if ending == "joined" else (FIRST, SECOND)
    owner, heir = crew(behind(stores, gate, ALL), clock, names[0]), crew(stores, clock, names[1])
    await logged(stores, told[:half])
    async with running(owner):
        await clock.move(4 * LEASE_S)
        assert works(owner)
        async with running(heir):
            if ending == "left":
                await clock.move(2 * LEASE_S)
                await owner._membership.leave()
            elif ending == "killed":
                await clock.move(2 * LEASE_S)
                gate.close()
            await logged(stores, told[half:])
            await clock.move(3 * LEASE_S)
            assert works(heir)
            gate.open()
            await logged(stores, closing(told))
            await clock.move(3 * LEASE_S)
            assert works(heir) is not works(owner)
            minutes, _ = expected(told)
            stored, _ = await kept(stores)
            assert stored[: len(minutes)] == minutes
    assert (owner.tally["given"], owner.tally["lost"]) == ((0, 1) if ending == "killed" else (1, 0))
