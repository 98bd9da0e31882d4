"""Laws of the archive: what was saved is found, at once and for ever, with little asking."""

import asyncio
from collections import Counter
from datetime import date

import pytest
from contract_samples import BTC, ETH, VENUE, aggregate, trade
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.days import day_key, save_day
from cloud_marketdata.storage.objects.store import ObstoreObjects, folder_objects
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

DAY = 86_400 * NS_PER_S
AT = (VENUE, "BTCUSDT")


class CountedObjects(ObstoreObjects):
    """Real objects in memory that count what is asked of them, and can be away."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.asked: Counter[str] = Counter()
        self.away = False

    async def get(self, key: str) -> bytes | None:
        """Count, and get."""
        self._ask("get")
        return await super().get(key)

    async def list(self, prefix: str) -> list[str]:
        """Count, and list."""
        self._ask("list")
        return await super().list(prefix)

    def _ask(self, what: str) -> None:
        if self.away:
            raise StorageError("away")
        self.asked[what] += 1


@pytest.fixture
def objects():
    return CountedObjects()


@pytest.fixture
def archive(objects):
    return ObjectArchive(objects)


def day(number: int, rows: int = 2, instrument: Instrument = BTC) -> Aggregate:
    trades = [
        trade(number * DAY + at, price=600_000 + at, instrument=instrument) for at in range(rows)
    ]
    return aggregate(
        number * DAY, timeframe=Timeframe.D1, final=True, trades=trades, instrument=instrument
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 12), max_size=5), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(-2, 14), st.integers(-2, 16)), min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_any_range_at_any_time_gives_the_days_that_are_there(waves, ranges, most_rows):
    """Days come in any order, between questions; the memory for decoded days is small."""

    async def law() -> None:
        objects = ObstoreObjects(MemoryStore())
        archive = ObjectArchive(objects, most_rows)
        there: dict[int, Aggregate] = {}
        for wave in waves:
            for number in wave:
                there[number] = day(number)
                await save_day(objects, there[number])
            for one, two in ranges:
                start, end = one * DAY + 1, two * DAY
                found = await archive.find(*AT, start, end)
                want = [there[n] for n in sorted(there) if start <= n * DAY < end]
                assert [pack_aggregate(d) for d in found] == [pack_aggregate(d) for d in want]
            bounds = (min(there) * DAY, max(there) * DAY) if there else None
            assert await archive.bounds(*AT) == bounds

    asyncio.run(law())


async def test_a_range_whose_days_are_known_costs_no_request_at_all(objects, archive):
    for number in range(5):
        await save_day(objects, day(number))
    await archive.find(*AT, 0, 5 * DAY)
    before = objects.asked.copy()
    objects.away = True

    found = await archive.find(*AT, DAY, 4 * DAY)

    assert [d.start // DAY for d in found] == [1, 2, 3]
    assert objects.asked == before


async def test_decoded_days_beyond_the_bound_make_room(objects):
    archive = ObjectArchive(objects, most_rows=10)
    for number in range(4):
        await save_day(objects, day(number, rows=4))
    await archive.find(*AT, 2 * DAY, 4 * DAY)
    objects.asked.clear()

    await archive.find(*AT, 2 * DAY, 4 * DAY)
    assert objects.asked["get"] == 0
    await archive.find(*AT, 0, 2 * DAY)
    await archive.find(*AT, 2 * DAY, 4 * DAY)
    assert objects.asked["get"] == 4


async def test_markets_do_not_mix(objects, archive):
    await save_day(objects, day(1))
    await save_day(objects, day(2, instrument=ETH))

    assert await archive.bounds(*AT) == (DAY, DAY)
    [found] = await archive.find(ETH.venue, ETH.symbol, 0, 9 * DAY)
    assert state_hash([found]) == state_hash([day(2, instrument=ETH)])


async def test_a_stranger_among_the_objects_is_no_day(objects, archive):
    await save_day(objects, day(1))
    folder = day_key(*AT, date(1970, 1, 1)).partition("date=")[0]
    for key in ("date=soon/profile.parquet", "notes.txt", "date=1970-01-09/other.parquet"):
        await objects.put(folder + key, b"x")

    assert [d.start for d in await archive.find(*AT, 0, 99 * DAY)] == [DAY]


async def test_an_archive_that_is_away_or_damaged_is_a_storage_error(tmp_path):
    objects = folder_objects(tmp_path)
    key = (await save_day(objects, day(1))).key
    (tmp_path / key).write_bytes(b"nothing of ours")

    with pytest.raises(StorageError):
        await ObjectArchive(objects).find(*AT, 0, 9 * DAY)
    away = CountedObjects()
    away.away = True
    with pytest.raises(StorageError):
        await ObjectArchive(away).bounds(*AT)


async def test_the_newest_revision_of_a_day_is_the_day(objects):
    await save_day(objects, day(1))
    later = day(1, rows=3)
    later.position, later.revision = 9, 1
    await save_day(objects, later)

    [found] = await ObjectArchive(objects).find(*AT, 0, 9 * DAY)
    assert pack_aggregate(found) == pack_aggregate(later)
