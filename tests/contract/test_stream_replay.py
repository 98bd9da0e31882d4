"""A thousand joins anywhere in the past of a log that is written and trimmed meanwhile."""

import asyncio
from random import Random

import pytest
from contract_samples import BTC
from replayers import CHANNEL, HOT, Hurried, Replayer, Tape

from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.stream.channels.places import SKEW
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.ports import Since
from cloud_marketdata.core.config import Settings

pytestmark = pytest.mark.anyio

JOINS = 1_000
AT_ONCE = 40
ENTRIES_AHEAD = 130
SETTINGS = Settings(hot_minutes=1, stream_heartbeat_s=600)


@pytest.fixture
def clock() -> Hurried:
    return Hurried()


class Crowd:
    """Joins and leaves at random, so many at a time, while the tape goes on."""

    def __init__(self, stores, clock: Hurried, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  a seed makes the case repeatable
        self.clock = clock
        self.log = stores.log
        self.tape = Tape(stores.log, clock, self.random)
        queries = Queries(stores, clock, SETTINGS)
        self.hub = Hub(queries, stores, clock, SETTINGS, self.random)
        self.replayers: list[Replayer] = []
        self.cut_short = self.trimmed = 0
        self.left = JOINS
        self.epoch = ""

    async def run(self) -> None:
        """Have everybody join once."""
        self.epoch = await self.log.epoch()
        for _ in range(ENTRIES_AHEAD):
            await self.tape.append()
        async with asyncio.timeout(300), asyncio.TaskGroup() as group:
            hub = group.create_task(self.hub.run())
            flow = group.create_task(self._flow())
            joiners = [group.create_task(self._join_on()) for _ in range(AT_ONCE)]
            await asyncio.wait(joiners)
            flow.cancel()
            hub.cancel()

    async def _flow(self) -> None:
        while True:
            await self.tape.append()
            if self.random.random() < 0.05:
                self.trimmed += await self.tape.trim()
            await asyncio.sleep(0.002)

    async def _join_on(self) -> None:
        while self.left:
            self.left -= 1
            await self._one()

    async def _one(self) -> None:
        since, asked_at = self._since(), self.tape.positions[-1]
        replayer = Replayer(since, asked_at, self.clock, self.random.choice((0, 0, 1, 9)))
        self.replayers.append(replayer)
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(self._join(replayer))
            for _ in range(self.random.randrange(12)):
                await self.clock.sleep(0.0005)
            if not joining.done() and self.random.random() < 0.3:
                self.cut_short += 1
                if self.random.random() < 0.5:
                    joining.cancel()
                else:
                    self.hub.leave(CHANNEL, replayer)
        for _ in range(self.random.randrange(5)):
            await self.clock.sleep(0.0005)
        self.hub.leave(CHANNEL, replayer)
        heard = len(replayer.frames)
        await self.clock.sleep(0)
        assert len(replayer.frames) == heard, "who has left hears nothing more"

    async def _join(self, replayer: Replayer) -> None:
        since = replayer.since
        try:
            await self.hub.join(CHANNEL, replayer, snapshot=True, since=since)
        except ResolutionGoneError as error:
            replayer.refused = str(error)
            assert replayer.frames == []
            assert since is not None
            assert self._age(since) > HOT - SKEW

    def _since(self) -> Since | None:
        roll = self.random.random()
        if roll < 0.1:
            return None
        if roll < 0.5:
            ago = self.random.randrange(HOT + HOT // 10)
            return Since(time=(self.clock.time - ago) // 1_000_000 * 1_000_000)
        recent = self.tape.positions[-250:]
        return Since(epoch=self.epoch, seq=self.random.choice(recent))

    def _age(self, since: Since) -> int:
        if since.time is not None:
            return self.clock.time - since.time
        (number,) = self.tape.between(since.seq - 1, since.seq)
        return self.clock.time - self.tape.entries[number][0].received_at


async def test_a_thousand_joins_anywhere_hear_the_log_without_hole_or_repeat(stores, clock):
    await stores.instruments.save([BTC])
    crowd = Crowd(stores, clock, seed=6)

    await crowd.run()

    heard = [replayer.check(crowd.tape) for replayer in crowd.replayers]
    refused = sum(replayer.refused is not None for replayer in crowd.replayers)
    finished = sum(bool(replayer.of("caught_up")) for replayer in crowd.replayers)
    assert len(heard) == JOINS
    assert sum(heard) > 10 * JOINS
    assert refused > 10
    # How many come to the end before they leave is a matter of how busy the machine is.
    assert finished > JOINS / 10
    assert crowd.cut_short > 10
    assert crowd.trimmed > 100
