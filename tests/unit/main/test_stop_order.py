"""A stop goes in the direction of the data, and says whether all of it arrived."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from test_services import AWAY, STREAM, Faulty, Hasty, service, trade

from cloud_marketdata.core.stopping import STEPS, Step
from cloud_marketdata.main import Service
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch

pytestmark = pytest.mark.anyio


async def stopped(made: Service, before: Callable[[], None]) -> tuple[bool, list[Step]]:
    """Run a service, do something, stop it; return what it said and through which steps it went."""
    steps: list[Step] = []
    asked = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(made.run(asked, None, steps.append))
        await asyncio.sleep(0)
        before()
        asked.set()
    return running.result(), steps


async def test_a_stop_takes_all_steps_and_stores_what_was_collected():
    clock = Hasty()
    stores = memory_stores(clock)
    made = service(stores, clock)

    whole, steps = await stopped(
        made, lambda: made.collecting.writer.submit([Batch(STREAM, [trade(1)])])
    )

    assert whole
    assert steps == list(STEPS)
    record = await stores.log.last(STREAM)
    assert await stores.aggregates.position(STREAM.venue, STREAM.symbol) == record.position


async def test_a_stop_without_a_log_says_so_and_begins_no_aggregates(monkeypatch):
    monkeypatch.setattr("cloud_marketdata.roles.collecting._DRAIN_S", 0.2)
    clock = Hasty()
    stores = memory_stores(clock)
    broken = Faulty(stores.log, "append")
    broken.error = AWAY
    made = service(msgspec.structs.replace(stores, log=broken), clock)

    whole, steps = await stopped(
        made, lambda: made.collecting.writer.submit([Batch(STREAM, [trade(1)])])
    )

    assert not whole
    assert steps == [step for step in STEPS if step != "aggregates"]
