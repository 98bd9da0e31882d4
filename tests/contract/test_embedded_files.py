"""What the embedded stores promise about their files: kills, other processes, damage, versions."""

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import pytest
from contract_samples import BTC, TRADES, VENUE, aggregate, batch, view

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.sheet import Changes, Kept, Layer, Marks, Row
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).parent / "appending_process.py"


async def _start(*arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )


async def test_everything_is_there_after_closing_and_opening(tmp_path):
    saved = aggregate(0, position=3)
    run = Row(Layer.TAPE, "1", 5, 9, CoverageState.COMPLETE, open=True, low=1, high=4)
    ledger = Changes(VENUE, "BTCUSDT", Marks(3, 2), (run,))
    top = view(BTC, 9, (1, 2), asks=((3, 4),))
    async with open_embedded(tmp_path, SystemClock()) as stores:
        (position,) = await stores.log.append([batch(1)])
        await stores.aggregates.save([saved], ledger)
        await stores.books.publish([top])
        await stores.instruments.save([BTC])
        await stores.quarantine.record({(VENUE, "late"): 4}, [])
        await stores.objects.put("a/b", b"x")

    async with open_embedded(tmp_path, SystemClock()) as stores:
        assert (await stores.log.last(TRADES)).position == position
        found = await stores.aggregates.find_by_range(VENUE, "BTCUSDT", Timeframe.S1, 0, 1)
        assert [pack_aggregate(one) for one in found] == [pack_aggregate(saved)]
        assert await stores.coverage.find(VENUE, "BTCUSDT", 0, 0) == Kept(Marks(3, 2), (run,))
        assert await stores.books.find(VENUE, "BTCUSDT") == top
        assert await stores.instruments.all() == [BTC]
        assert await stores.quarantine.counts() == {(VENUE, "late"): 4}
        assert await stores.objects.list("a/") == ["a/b"]


@pytest.mark.parametrize("reported", [1, 40, 200])
async def test_a_killed_process_loses_nothing_it_had_reported(tmp_path, reported):
    process = await _start(tmp_path)
    lines = [await process.stdout.readline() for _ in range(reported)]
    process.kill()
    rest, _ = await process.communicate()

    # The last line may have been cut by the kill.
    whole = (b"".join(lines) + rest).splitlines()[:-1]
    acknowledged = dict(map(int, line.split()) for line in whole)
    async with open_embedded(tmp_path, SystemClock()) as stores:
        records = await stores.log.read(TRADES, limit=100_000)

    assert process.returncode == -signal.SIGKILL
    assert len(acknowledged) >= reported - 1
    found = {record.position: [one.id for one in record.events] for record in records}
    # Every reported batch is there, and every batch that is there is whole.
    assert {at: found.get(at) for at in acknowledged} == {
        at: [number, number + 1, number + 2] for at, number in acknowledged.items()
    }
    assert [ids[0] for ids in found.values()] == list(range(1, len(found) + 1))
    assert all(len(ids) == 3 for ids in found.values())


async def test_one_process_reads_what_another_one_appends(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        process = await _start(tmp_path, 25)
        for _ in range(25):
            position, number = map(int, (await process.stdout.readline()).split())
            last = await stores.log.last(TRADES)
            assert last.position >= position
            assert last.events[0].id >= number
        assert await process.wait() == 0


async def test_two_processes_on_one_new_folder_both_append_everything(tmp_path):
    both = [await _start(tmp_path, 60) for _ in range(2)]
    outputs = [await process.communicate() for process in both]
    positions = [int(line.split()[0]) for out, _ in outputs for line in out.splitlines()]

    async with open_embedded(tmp_path, SystemClock()) as stores:
        records = await stores.log.read(TRADES, limit=1000)

    assert [process.returncode for process in both] == [0, 0]
    assert len(set(positions)) == 120
    assert sorted(positions) == [record.position for record in records]


async def _refused(folder: Path, pattern: str) -> None:
    with pytest.raises(StorageError, match=pattern):
        async with open_embedded(folder, SystemClock()):
            pytest.fail("the store was opened")


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "hot.db").write_bytes(b"not a database at all, but long enough to be read" * 40)
    before = (tmp_path / "hot.db").read_bytes()

    await _refused(tmp_path, r"hot\.db: file is not a database")

    assert (tmp_path / "hot.db").read_bytes() == before


async def test_a_damaged_page_is_a_storage_error_and_no_answer(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.log.append([batch(*range(at, at + 400)) for at in range(1, 9000, 400)])
    path = tmp_path / "hot.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))

    with pytest.raises(StorageError, match=r"hot\.db"):
        async with open_embedded(tmp_path, SystemClock()) as stores:
            await stores.log.read(TRADES)


async def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "warm.db")
    connection.execute("CREATE TABLE aggregates (theirs)")
    connection.close()
    before = (tmp_path / "warm.db").read_bytes()

    await _refused(tmp_path, r"warm\.db: the file belongs to another use")

    assert (tmp_path / "warm.db").read_bytes() == before


async def test_a_newer_schema_is_refused(tmp_path):
    async with open_embedded(tmp_path, SystemClock()):
        pass
    connection = sqlite3.connect(tmp_path / "hot.db")
    connection.execute("PRAGMA user_version = 5")
    connection.close()

    await _refused(tmp_path, r"hot\.db: the file has schema version 5, this program reads 4")


async def test_a_folder_of_the_version_before_is_brought_up_to_date(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        (position,) = await stores.log.append([batch(1, 2, 3)])
        await stores.aggregates.save([aggregate(0, position=position)])
    _date_back(tmp_path)

    async with open_embedded(tmp_path, SystemClock()) as stores:
        assert await stores.aggregates.position(VENUE, "BTCUSDT") == position
        assert await stores.aggregates.highest() == position
        assert len(await stores.log.read(TRADES)) == 1
        assert await stores.leases.acquire("worker", "me", 10)
        assert await stores.reconciliations.find(VENUE, "BTCUSDT", 0, 1 << 62) == []


async def test_fences_horizons_and_positions_outlive_the_process(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.aggregates.save([aggregate(0, position=7, final=True)], fence=5)
        await stores.aggregates.forget(VENUE, "BTCUSDT", Timeframe.S1, 1 << 40, fence=6)

    async with open_embedded(tmp_path, SystemClock()) as stores:
        kept = stores.aggregates
        assert await kept.horizon(VENUE, "BTCUSDT", Timeframe.S1) == 1 << 40
        assert await kept.position(VENUE, "BTCUSDT") == 7
        with pytest.raises(FencedError):
            await kept.save([aggregate(0, position=8)], fence=5)
        # Nor does the log begin at a position that is inside something that has been forgotten.
        assert await stores.log.append([batch(1)]) == [8]


async def test_the_epoch_of_a_log_outlives_the_process_and_not_the_folder(tmp_path):
    async with open_embedded(tmp_path / "one", SystemClock()) as stores:
        epoch = await stores.log.epoch()
    async with open_embedded(tmp_path / "one", SystemClock()) as stores:
        assert await stores.log.epoch() == epoch
    async with open_embedded(tmp_path / "other", SystemClock()) as stores:
        assert await stores.log.epoch() != epoch


async def test_two_that_open_one_folder_agree_on_who_has_a_lease(tmp_path):
    async with (
        open_embedded(tmp_path, SystemClock()) as one,
        open_embedded(tmp_path, SystemClock()) as other,
    ):
        token = await one.leases.acquire("market", "one", 600)
        assert await other.leases.acquire("market", "other", 600) is None
        await one.leases.release("market", "one")
        assert await other.leases.acquire("market", "other", 600) > token
        assert await one.leases.acquire("market", "one", 600) is None


def _date_back(folder: Path) -> None:
    """Make of both files what the version before epochs and reconciliations left behind."""
    hot = sqlite3.connect(folder / "hot.db")
    hot.executescript("DROP TABLE identity; DROP TABLE members; PRAGMA user_version = 2;")
    hot.close()
    warm = sqlite3.connect(folder / "warm.db")
    warm.executescript("""DROP TABLE keys; DROP TABLE reconciliations; DROP TABLE flow_subjects;
        DROP TABLE flow_minutes; DROP TABLE signals; DROP INDEX aggregates_changed;
        PRAGMA user_version = 3;""")
    warm.close()


async def test_a_folder_of_before_the_keys_is_brought_up_to_date(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.instruments.save([BTC])
    connection = sqlite3.connect(tmp_path / "warm.db")
    connection.executescript("DROP TABLE keys; PRAGMA user_version = 4;")
    connection.close()

    async with open_embedded(tmp_path, SystemClock()) as stores:
        assert await stores.instruments.all() == [BTC]
        assert await stores.keys.all() == []


async def test_a_folder_of_before_the_coverage_ledger_is_refused_and_left_alone(tmp_path):
    async with open_embedded(tmp_path, SystemClock()):
        pass
    connection = sqlite3.connect(tmp_path / "warm.db")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    before = (tmp_path / "warm.db").read_bytes()

    await _refused(tmp_path, r"warm\.db: the file has schema version 1, this program reads 5")

    assert (tmp_path / "warm.db").read_bytes() == before


async def test_hot_and_warm_are_not_taken_for_each_other(tmp_path):
    async with open_embedded(tmp_path, SystemClock()):
        pass
    (tmp_path / "warm.db").replace(tmp_path / "hot.db")

    await _refused(tmp_path, r"hot\.db: the file belongs to another use")


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")

    await _refused(tmp_path / "file" / "data", "data folder")


async def test_a_closed_store_refuses_to_append(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        pass

    with pytest.raises(StorageError, match="closed"):
        await stores.log.append([batch(1)])
