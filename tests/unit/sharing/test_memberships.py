"""One process among its like."""

import pytest

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.memory.members import MemoryMembers

pytestmark = pytest.mark.anyio
S = 1_000_000_000


class _Clock:
    def __init__(self) -> None:
        self.at = 10 * S

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / S


class _Away(MemoryMembers):
    away = False

    async def beat(self, group, name, seconds):  # noqa: ANN202  as the port says
        if self.away:
            raise StorageError("away")
        return await super().beat(group, name, seconds)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock():
    return _Clock()


def of(members, name, clock):
    return Membership(members, "collect", name, seconds=2.0, clock=clock)


async def test_all_work_is_somebodys_and_nobody_elses(clock):
    members = MemoryMembers(clock)
    parts = [of(members, name, clock) for name in ("a", "b", "c")]
    for part in parts * 2:
        await part.beat()

    for work in map(str, range(50)):
        assert sorted(part.rank(work, 3) for part in parts) == [0, 1, 2]
        assert [part.rank(work) for part in parts].count(0) == 1


async def test_nothing_is_ours_before_we_were_heard_and_after_we_left(clock):
    part = of(MemoryMembers(clock), "a", clock)
    assert part.rank("x") is None

    await part.beat()
    assert part.rank("x") == 0

    await part.leave()
    await part.beat()
    assert part.rank("x") is None
    assert list(part.living) == []


async def test_who_died_is_missed_when_its_last_beat_is_over(clock):
    members = MemoryMembers(clock)
    one, two = of(members, "a", clock), of(members, "b", clock)
    await one.beat()
    await two.beat()
    await one.beat()
    assert list(one.living) == ["a", "b"]
    one.changed.clear()

    clock.at += 2 * S
    await one.beat()

    assert list(one.living) == ["a"]
    assert one.changed.is_set()
    assert one.changes == 3


async def test_while_the_store_is_away_the_last_list_is_kept_and_the_trouble_is_told(clock):
    members = _Away(clock)
    part = of(members, "a", clock)
    await part.beat()
    members.away = True
    await part.beat()

    pulse = await part.pulse()
    assert not pulse.ok
    assert pulse.detail["error"] == "away"
    assert part.rank("x") == 0
    members.away = False
    await part.beat()
    assert (await part.pulse()).ok
