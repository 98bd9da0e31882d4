"""Laws of backup and restore: one instant, every byte, a life of its own, and nothing by halves."""

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path

import pytest
from backup_samples import (
    CLOCK,
    SECOND_DAY,
    aged,
    backed_up,
    filled,
    names,
    settings,
)
from cold_samples import DAY, closed, spread
from contract_samples import BTC, TRADES, VENUE, aggregate, batch

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import BadRequestError, SettingsError, StorageError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.backups import make_backup, restore_backup
from cloud_marketdata.storage.backups.manifest import NAME, read_files
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.embedded.market import highest
from cloud_marketdata.storage.embedded.snapshot import frozen_pair
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.days import save_day
from cloud_marketdata.storage.objects.store import folder_objects
from cloud_marketdata.storage.objects.verify import verify
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

MARKET = (VENUE, "BTCUSDT")
LOOKS = 400
COMMAND = (sys.executable, "-m", "cloud_marketdata")


async def test_a_restored_folder_answers_as_the_one_that_was_backed_up(tmp_path):
    restored = restore_backup(await backed_up(tmp_path), tmp_path / "new")

    async with (
        open_embedded(tmp_path / "data", CLOCK) as before,
        open_embedded(tmp_path / "new", CLOCK) as after,
    ):
        assert await after.log.read(TRADES) == await before.log.read(TRADES)
        both = [
            await stores.aggregates.find_by_range(*MARKET, Timeframe.S1, 0, 1)
            for stores in (before, after)
        ]
        assert [pack_aggregate(one) for one in both[0]] == [pack_aggregate(one) for one in both[1]]
        assert await after.aggregates.position(*MARKET) == restored.head.position
        assert await after.instruments.all() == [BTC]
        days = [
            await ObjectArchive(stores.objects).find(*MARKET, 0, 5 * DAY)
            for stores in (before, after)
        ]
        assert [pack_aggregate(day) for day in days[0]] == [pack_aggregate(day) for day in days[1]]
        report = await verify(after.objects, SECOND_DAY, whole=True)
        assert (report.objects, report.problems) == (8, [])
    asked = ("verify", str(SECOND_DAY), "--all", "--json", "--data-dir", tmp_path / "new")
    done = await asyncio.create_subprocess_exec(*COMMAND, *asked, stdout=PIPE)
    out, _ = await done.communicate()
    assert (done.returncode, b'"ok":true' in out) == (0, True)


async def test_what_belongs_to_a_running_process_is_not_restored(tmp_path):
    restore_backup(await backed_up(tmp_path), tmp_path / "new")

    assert not names(tmp_path / "new") & {"collector.id", "collect.lock"}
    async with (
        open_embedded(tmp_path / "data", CLOCK) as before,
        open_embedded(tmp_path / "new", CLOCK) as after,
    ):
        assert await after.books.find(*MARKET) is None
        assert await after.members.living("process") == []
        assert await after.log.epoch() != await before.log.epoch()
        former = await before.leases.acquire("worker", "me", 600)
        # Another may have it at once, under a token above all that have ever been seen.
        assert await after.leases.acquire("worker", "other", 600) > former


async def test_two_folders_of_one_backup_have_logs_of_two_names(tmp_path):
    backup = await backed_up(tmp_path)
    epochs = set()
    for name in ("one", "other"):
        restore_backup(backup, tmp_path / name)
        async with open_embedded(tmp_path / name, CLOCK) as stores:
            epochs.add(await stores.log.epoch())

    assert len(epochs) == 2


async def test_fencing_tokens_never_go_back_however_wrong_the_clock_is(tmp_path):
    backup = await backed_up(tmp_path)
    with closing(sqlite3.connect(tmp_path / "data/hot.db")) as connection:
        ((token,),) = connection.execute("SELECT token FROM leases").fetchall()

    restore_backup(backup, tmp_path / "new")

    with closing(sqlite3.connect(tmp_path / "new/hot.db")) as connection:
        assert connection.execute("SELECT token, until FROM leases").fetchall() == [(token, 0)]


async def test_an_audit_log_is_copied_to_its_newest_whole_line(tmp_path):
    backup = await backed_up(tmp_path)

    copied = (backup / "audit/all-here-1-1-abcdef/0000000000000001.jsonl").read_text()
    assert copied == '{"seq": 1}\n{"seq": 2}\n'
    assert not [name for name in names(backup) if name.endswith("lock")]


async def test_only_the_user_who_made_it_may_read_a_backup_and_what_is_made_of_it(tmp_path):
    backup = await backed_up(tmp_path)
    restore_backup(backup, tmp_path / "new")

    for folder in (backup, tmp_path / "new"):
        assert folder.stat().st_mode & 0o777 == 0o700
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert {"keys.pepper", "audit.key"} <= names(folder)


async def test_every_bit_of_a_backup_counts_and_the_damaged_file_is_named(tmp_path):
    backup = await backed_up(tmp_path)
    whole = names(backup)

    for name in sorted(whole):
        path = backup / name
        before = path.read_bytes()
        at = len(before) // 2
        path.write_bytes(before[:at] + bytes((before[at] ^ 1,)) + before[at + 1 :])
        with pytest.raises(BadRequestError, match=name.replace("+", ".")):
            restore_backup(backup, tmp_path / "new")
        path.write_bytes(before[:-1])
        with pytest.raises(BadRequestError, match=name.replace("+", ".")):
            restore_backup(backup, tmp_path / "new")
        path.write_bytes(before)

    assert len(whole) > 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data"]
    restore_backup(backup, tmp_path / "new")


async def test_a_file_that_is_missing_in_a_backup_is_named(tmp_path):
    backup = await backed_up(tmp_path)
    (backup / "warm.db").unlink()

    with pytest.raises(BadRequestError, match=r"warm\.db is missing in the backup"):
        restore_backup(backup, tmp_path / "new")

    assert not (tmp_path / "new").exists()


async def test_nothing_is_overwritten(tmp_path):
    backup = await backed_up(tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mine").touch()

    with pytest.raises(BadRequestError, match="not an empty folder"):
        restore_backup(backup, tmp_path / "new")
    with pytest.raises(BadRequestError, match="is there already"):
        await make_backup(settings(tmp_path / "data"), backup, CLOCK)
    with pytest.raises(BadRequestError, match="is there already"):
        await make_backup(settings(tmp_path / "data"), tmp_path / "new", CLOCK)

    assert names(tmp_path / "new") == {"mine"}
    (tmp_path / "empty").mkdir()
    restore_backup(backup, tmp_path / "empty")
    assert "hot.db" in names(tmp_path / "empty")


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"redis_url": "redis://127.0.0.1:1"}, "redis_url"),
        ({"mongodb_url": "mongodb://127.0.0.1:1"}, "mongodb_url"),
        ({"storage": "memory"}, "memory"),
    ],
)
async def test_a_part_of_a_deployment_is_refused_because_it_fits_no_other(tmp_path, more, name):
    with pytest.raises(SettingsError, match=name):
        await make_backup(settings(tmp_path, **more), tmp_path / "backup", CLOCK)


async def test_a_cold_tier_in_a_bucket_is_said_to_be_elsewhere(tmp_path):
    folder = await filled(tmp_path / "data")
    more = {"s3_bucket": "days", "s3_endpoint": "https://127.0.0.1:1"}
    made = await make_backup(settings(folder, **more), tmp_path / "backup", CLOCK)

    assert made.head.cold == "elsewhere"
    assert not (tmp_path / "backup/cold").exists()


async def test_an_object_that_no_manifest_lists_yet_is_left_out(tmp_path):
    folder = await filled(tmp_path / "data")
    made = closed(spread(20, start=DAY * 5), DAY * 5)
    entry = await save_day(folder_objects(folder / "cold"), made.day)

    done = await make_backup(settings(folder), tmp_path / "backup", CLOCK)

    assert done.faults == []
    assert f"cold/{entry.key}" not in names(tmp_path / "backup")
    assert (folder / "cold" / entry.key).exists()


async def test_a_cold_tier_that_is_damaged_already_is_copied_and_told(tmp_path):
    folder = await filled(tmp_path / "data")
    bars = sorted((folder / "cold/bars").rglob("*.parquet"))
    bars[0].write_bytes(bars[0].read_bytes()[:-4] + b"oops")
    bars[1].unlink()

    made = await make_backup(settings(folder), tmp_path / "backup", CLOCK)

    key = [path.relative_to(folder / "cold").as_posix() for path in bars]
    said = sorted(made.faults)
    assert said == sorted(
        (f"{key[0]}: it is not what its manifest says of it", f"{key[1]}: it is missing")
    )


async def test_a_backup_waits_while_days_are_being_archived(tmp_path):
    folder = await filled(tmp_path / "data")
    manifest = next((folder / "cold/manifests").rglob("*.json"))
    os.utime(manifest)
    slept = []

    class Waiting(SystemClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            aged(folder / "cold")

    await make_backup(settings(folder), tmp_path / "backup", Waiting())

    assert len(slept) == 1


def look(folder: Path) -> tuple[int, list[int]]:
    """Return what is inside the aggregates, and what the log holds, of one frozen pair."""
    with frozen_pair(folder) as pair:
        kept = pair.hot.execute("SELECT position FROM entries ORDER BY position").fetchall()
        return highest(pair.warm), [position for (position,) in kept]


async def test_both_files_are_of_one_instant_however_busy_they_are(tmp_path):
    async with open_embedded(tmp_path, CLOCK) as stores:
        await stores.log.append([batch(0)])

        async def trade() -> None:
            """Log, save and let go of what is saved, as a worker and the retention do."""
            for at in range(1, 1 << 30):
                (position,) = await stores.log.append([batch(at)])
                await stores.aggregates.save([aggregate(0, position=position)])
                await stores.log.trim(TRADES, upto=position, before=1 << 60)

        async with asyncio.TaskGroup() as group:
            trading = group.create_task(trade())
            # In a thread of its own, as another process would.
            looks = await asyncio.to_thread(lambda: [look(tmp_path) for _ in range(LOOKS)])
            trading.cancel()

    assert looks[-1][0] - looks[0][0] > 20
    for inside, kept in looks:
        # Nothing is inside that the log has not seen, and nothing behind it has gone from the log.
        assert inside <= kept[-1]
        assert set(range(inside + 1, kept[-1] + 1)) <= set(kept)


async def test_a_backup_of_an_older_schema_is_brought_up_to_date_and_a_newer_one_refused(tmp_path):
    folder = await filled(tmp_path / "data")
    with closing(sqlite3.connect(folder / "hot.db")) as connection:
        connection.executescript("DROP TABLE members; PRAGMA user_version = 3;")
    made = await make_backup(settings(folder), tmp_path / "older", CLOCK)
    assert made.head.hot == 3
    with closing(sqlite3.connect(folder / "hot.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        connection.execute("PRAGMA user_version = 99")
    await make_backup(settings(folder), tmp_path / "newer", CLOCK)

    restore_backup(tmp_path / "older", tmp_path / "new")
    async with open_embedded(tmp_path / "new", CLOCK) as stores:
        assert await stores.members.living("process") == []
    with pytest.raises(BadRequestError, match=r"hot\.db: the file has schema version 99, this"):
        restore_backup(tmp_path / "newer", tmp_path / "other")
    assert not (tmp_path / "other").exists()


async def test_a_damaged_database_becomes_no_backup(tmp_path):
    folder = await filled(tmp_path / "data")
    async with open_embedded(folder, CLOCK) as stores:
        await stores.log.append([batch(*range(at, at + 400)) for at in range(1, 9000, 400)])
    path = folder / "hot.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:20_480] + b"\xa5" * (len(whole) - 20_480))

    with pytest.raises(StorageError, match=r"hot\.db|data"):
        await make_backup(settings(folder), tmp_path / "backup", CLOCK)

    assert [path.name for path in tmp_path.iterdir()] == ["data"]


async def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(tmp_path):
    folder = await filled(tmp_path / "data")
    # While a manifest is young the backup waits, with half of its work done.
    os.utime(next((folder / "cold/manifests").rglob("*.json")))
    target = tmp_path / "backup"
    process = await asyncio.create_subprocess_exec(*COMMAND, "backup", target, "--data-dir", folder)
    try:
        halves = []
        for _ in range(300):
            halves = [path.parent for path in tmp_path.glob("backup.unfinished-*/backup.jsonl")]
            if halves:
                break
            await CLOCK.sleep(0.05)
        process.kill()
    finally:
        await process.wait()

    assert process.returncode == -9
    [half] = halves
    assert not target.exists()
    assert {"hot.db", "warm.db"} <= names(half)
    with pytest.raises(BadRequestError, match=NAME):
        restore_backup(half, tmp_path / "new")
    with pytest.raises(BadRequestError, match=NAME):
        list(read_files(half))
    assert not (tmp_path / "new").exists()


async def test_the_commands_say_in_one_line_what_is_wrong_and_end_with_2(tmp_path):
    folder = await filled(tmp_path / "data")
    asked = {
        ("backup", tmp_path / "b", "--data-dir", tmp_path / "none"): "no embedded store",
        ("backup", folder, "--data-dir", folder): "is there already",
        ("restore", folder, "--data-dir", tmp_path / "new"): "is no backup",
        ("restore", tmp_path / "none", "--data-dir", tmp_path / "new"): "is no backup",
    }
    for arguments, said in asked.items():
        done = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=PIPE, stderr=PIPE)
        out, err = await done.communicate()
        assert (done.returncode, out) == (2, b"")
        assert said in err.decode()
        assert err.count(b"\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


async def test_a_restore_that_is_refused_leaves_the_empty_folder_empty(tmp_path, monkeypatch):
    folder = await backed_up(tmp_path)
    (folder / "hot.db").write_bytes(b"another")
    (tmp_path / "new").mkdir()
    # Where the settings name the very folder, its audit log would be in the way next time.
    monkeypatch.setenv("MARKETDATA_DATA_DIR", str(tmp_path / "new"))
    arguments = ("restore", folder, "--data-dir", tmp_path / "new")
    done = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=PIPE, stderr=PIPE)
    _, err = await done.communicate()

    assert done.returncode == 2
    assert b"hot.db is damaged" in err
    assert names(tmp_path / "new") == set()
