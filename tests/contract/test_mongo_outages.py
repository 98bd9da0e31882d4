"""Savers that are killed, and a primary that is killed under one: nothing lost or made twice."""

import asyncio
import contextlib
import random
import sys
from pathlib import Path

import pytest
from contract_samples import VENUE
from mongo_story import Story, told
from mongo_watching import dropped_sockets, watched

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo import MongoPlan, MongoWarm, open_mongo
from cloud_marketdata.storage.mongo.names import of_market
from servers.mongodb import MongoSet

pytestmark = pytest.mark.anyio
collected = pytest.fixture(autouse=True)(dropped_sockets)

PROCESS = Path(__file__).with_name("mongo_saving_process.py")


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.long)])
async def test_a_killed_saver_leaves_whole_saves_and_the_next_one_goes_on_at_once(
    mongodb_url, mongodb_database, kills
):
    """Each round: the next owner comes with a higher token and is killed a little later.

    It gives up after five seconds, so a round that is heard of was not held up by the dead one.
    """
    drawn = random.Random(kills)  # noqa: S311  # seeded, so that a failure can be repeated
    async with watched(mongodb_url, mongodb_database) as warm:
        for fence in range(1, kills + 1):
            before = await warm.part.aggregates.position(VENUE, "BTCUSDT")
            heard = await _killed_saver(mongodb_url, mongodb_database, fence, drawn.random() / 5)
            assert heard > before
            # The one that was under way when the process was killed may be in, or not.
            assert await told(warm.part) in {heard, heard + 1}
        story = Story(await warm.part.aggregates.position(VENUE, "BTCUSDT"))
        await warm.part.aggregates.save(*story.next(), fence=kills + 1)
        assert await told(warm.part) == story.number


async def _killed_saver(url: str, database: str, fence: int, seconds: float) -> int:
    """Let a process save until `seconds` after its first save; return its last one."""
    command = (sys.executable, str(PROCESS), url, database, str(fence))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    try:
        said = [await process.stdout.readline()]
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return int([line for line in said if line.endswith(b"\n")][-1])


async def test_a_primary_that_is_killed_under_a_saver_takes_no_save_with_it(
    mongodb_three, mongodb_database
):
    await asyncio.to_thread(mongodb_three.start)
    try:
        async with open_mongo(MongoPlan(mongodb_three.url, mongodb_database, 5.0)) as warm:
            saver = _Saver(warm)
            for _ in range(2):
                await saver.goes_on(saves=20)
                await _lose_the_primary(mongodb_three, saver)
            await saver.goes_on(saves=20)

            assert await told(warm.part) == saver.story.number
            # Only a save whose commit nobody heard of is made again, and changes nothing then.
            number, made = saver.story.number, await _saves(warm)
            assert number <= made <= number + saver.failed
    finally:
        await asyncio.to_thread(mongodb_three.start)


async def _saves(warm: MongoWarm) -> int:
    market = await warm.stored.markets.find_one(of_market(VENUE, "BTCUSDT"))
    assert market
    count: int = market["saves"]
    return count


class _Saver:
    """Makes save after save; one that failed is made again until it succeeds, as a worker does."""

    def __init__(self, warm: MongoWarm) -> None:
        self.story = Story()
        self.failed = 0
        self._warm = warm

    async def goes_on(self, saves: int) -> None:
        """Make so many saves."""
        for _ in range(saves):
            save = self.story.next()
            while not await self._saved(save):
                self.failed += 1

    async def _saved(self, save) -> bool:
        try:
            await self._warm.part.aggregates.save(*save, fence=1)
        except StorageError:
            return False
        return True


async def _lose_the_primary(three: MongoSet, saver: _Saver) -> None:
    primary = await asyncio.to_thread(three.primary)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(saver.goes_on(saves=100))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(primary.kill)
    await asyncio.to_thread(primary.start)
    await asyncio.to_thread(three.agreed)
