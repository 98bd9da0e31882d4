import asyncio
import fcntl
import os
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from audit_stage import KEY, StageClock, event, lines_of, settings_of, verified, written

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.audit.anchor import Anchor
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.security.audit.once import append_once
from cloud_marketdata.security.audit.shipping import unpacked
from cloud_marketdata.storage.objects.store import ObstoreObjects, folder_objects

pytestmark = pytest.mark.anyio
DAY_S = 86_400


@pytest.fixture
def objects(tmp_path) -> ObstoreObjects:
    return folder_objects(tmp_path / "cold")


@asynccontextmanager
async def kept(folder: Path, objects, clock=None, **given: object):
    """Have a log run, which keeps house for the whole folder."""
    settings, clock = settings_of(folder, **given), clock or StageClock()
    log = AuditLog(settings, objects, clock, Random(1))  # noqa: S311  for delays alone
    async with asyncio.TaskGroup() as group:
        group.create_task(log.run())
        yield log
        log.close()


async def until(is_so) -> None:
    """Let everybody else run until something is so."""
    async with asyncio.timeout(10):
        while not await is_so():  # noqa: ASYNC110  a thread sets no event
            await asyncio.sleep(0.001)


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        f"{path.parent.name}/{path.stem}": path.read_bytes()
        for path in (folder / "audit").glob("*/*.jsonl")
    }


async def shipped(objects) -> dict[str, bytes]:
    found = {}
    for key in await objects.list("audit/"):
        writer, name = key.removeprefix("audit/").split("/")
        found[f"{writer}/{name.partition('-')[0]}"] = unpacked(await objects.get(key))
    return found


async def test_at_a_stop_all_is_in_the_cold_tier_and_anchored(tmp_path, objects):
    async with kept(tmp_path, objects) as log:
        for number in range(10):
            log.record(event(number))

    assert await shipped(objects) == on_disk(tmp_path)
    seqs = [Anchor.parse(key).seq for key in await objects.list("audit-anchors/")]
    assert max(seqs) == 12
    key = (await objects.list("audit/"))[0]
    assert key.endswith("/0000000000000001-0000000000000012.jsonl.zst")


async def test_a_beginning_is_anchored_at_once_and_the_head_from_time_to_time(tmp_path, objects):
    clock = StageClock()

    async def anchors(*seqs: int) -> bool:
        keys = await objects.list("audit-anchors/")
        return [Anchor.parse(key).seq for key in keys] == list(seqs)

    async with kept(tmp_path, objects, clock, audit_anchor_s=300) as log:
        await until(lambda: anchors(1))
        log.record(event(1))
        log.record(event(2))
        await until(lambda: _written(log))
        assert await anchors(1)
        clock.move(300)
        await until(lambda: anchors(1, 3))
        clock.move(300)
        await until(lambda: _written(log))
    assert await anchors(1, 3, 4)


async def _written(log: AuditLog) -> bool:
    return log._scribe.waiting == 0


async def test_a_cold_tier_that_is_away_is_told_and_stops_nothing(tmp_path, objects):
    class Away(ObstoreObjects):
        def __init__(self) -> None:
            self.away = True

        async def put(self, key: str, data: bytes) -> bool:
            if self.away:
                msg = "away"
                raise StorageError(msg)
            return await objects.put(key, data)

        async def get(self, key: str) -> bytes | None:
            return await objects.get(key)

    store, clock = Away(), StageClock()
    async with kept(tmp_path, store, clock) as log:
        log.record(event(1))
        await until(lambda: _told(log, "away"))
        pulse = await log.pulse()
        assert pulse.ok
        assert pulse.detail["anchor_age_s"] is None
        store.away = False
        clock.move(300)
        await until(lambda: _told(log, None))

    assert await shipped(objects) == on_disk(tmp_path)


async def _told(log: AuditLog, error: str | None) -> bool:
    return (await log.pulse()).detail.get("cold_error") == error


async def test_what_a_killed_process_has_left_is_shipped_as_it_is(tmp_path, objects):
    files, _ = written(tmp_path / "audit")
    torn = files[-1].read_bytes()[:-30]
    files[-1].write_bytes(torn)

    async with kept(tmp_path, objects):
        pass

    assert await shipped(objects) == on_disk(tmp_path)
    assert (await shipped(objects))[f"serve-a-1-1/{files[-1].stem}"] == torn


async def test_what_another_process_writes_now_is_left_to_it(tmp_path, objects):
    files, _ = written(tmp_path / "audit")
    lock = os.open(files[0].parent / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        async with kept(tmp_path, objects):
            pass
        assert not any(key.startswith("serve-a-1-1/") for key in await shipped(objects))
    finally:
        os.close(lock)


async def test_shipped_files_are_removed_after_their_time_and_verified_from_the_cold_tier(
    tmp_path, objects
):
    files, _ = written(tmp_path / "audit")
    clock = StageClock()
    async with kept(tmp_path, objects, clock, audit_kept_days=2):
        pass
    assert all(path.exists() for path in files)

    clock.move(2 * DAY_S + 10)
    async with kept(tmp_path, objects, clock, audit_kept_days=2):
        pass

    assert not files[0].parent.exists()
    report = await asyncio.to_thread(verified, tmp_path / "audit", objects)
    assert (report.faults, report.writers, report.notes) == ([], 3, [])


async def test_a_file_is_not_removed_where_the_cold_tier_holds_something_else(tmp_path, objects):
    files, _ = written(tmp_path / "audit")
    last = int(files[1].stem) - 1
    await objects.put(f"audit/serve-a-1-1/{files[0].stem}-{last:016d}.jsonl.zst", b"else")
    clock = StageClock()
    clock.move(100 * DAY_S)

    async with kept(tmp_path, objects, clock) as log:
        pass

    assert files[0].exists()
    assert "is not what serve-a-1-1" in (await log.pulse()).detail["cold_error"]


async def test_a_copy_that_was_changed_in_the_cold_tier_is_found(tmp_path, objects):
    files, _ = written(tmp_path / "audit")
    async with kept(tmp_path, objects):
        pass
    copies = sorted((tmp_path / "cold/audit/serve-a-1-1").glob("*.zst"))
    copies[1].write_bytes(copies[0].read_bytes())
    copies[2].write_bytes(b"x")

    faults = (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults

    assert [(fault.file.rpartition("/")[2], fault.line, fault.wrong) for fault in faults] == [
        (copies[1].name, 1, "altered"),
        (copies[2].name, 1, "altered"),
    ]
    files[1].unlink()
    faults = (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults
    assert {fault.wrong for fault in faults} >= {"missing", "reordered"}


async def test_the_commands_file_is_shipped_once_it_is_a_day_old(tmp_path, objects):
    clock = StageClock()
    settings = settings_of(tmp_path)
    append_once(settings, event(1), clock)
    async with kept(tmp_path, objects, clock):
        pass
    assert not any(key.startswith("cli-") for key in await shipped(objects))

    clock.move(DAY_S)
    async with kept(tmp_path, objects, clock):
        pass
    append_once(settings, event(2), clock)

    there = sorted((tmp_path / "audit").glob("cli-*/*.jsonl"))
    assert [len(lines_of(path)) for path in there] == [3, 1]
    assert (await shipped(objects))[f"{there[0].parent.name}/{there[0].stem}"] == there[
        0
    ].read_bytes()
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults == []


async def test_the_commands_chain_goes_on_though_all_of_it_is_old(tmp_path, objects):
    clock, settings = StageClock(), settings_of(tmp_path)
    for number in range(2):
        append_once(settings, event(number), clock)
        clock.move(DAY_S)
        async with kept(tmp_path, objects, clock):
            pass
    clock.move(100 * DAY_S)
    async with kept(tmp_path, objects, clock, audit_kept_days=2):
        pass
    append_once(settings, event(2), clock)

    there = sorted((tmp_path / "audit").glob("cli-*/*.jsonl"))
    assert [int(path.stem) for path in there] == [4, 6]
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults == []


async def test_the_commands_chain_is_anchored_so_that_its_end_cannot_be_cut_off(tmp_path, objects):
    clock = StageClock()
    for number in range(5):
        append_once(settings_of(tmp_path), event(number), clock)
    async with kept(tmp_path, objects, clock):
        pass
    path = next((tmp_path / "audit").glob("cli-*/*.jsonl"))
    path.write_bytes(b"".join(lines_of(path)[:3]))
    append_once(settings_of(tmp_path), event(9), clock)

    faults = (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults

    assert [(fault.writer, fault.seq, fault.wrong) for fault in faults] == [
        (path.parent.name, 5, "missing")
    ]


def test_an_anchor_says_what_its_key_says_and_is_genuine_under_its_key_alone():
    anchor = Anchor("serve-a-1-1", 17, "ab" * 32)

    assert Anchor.parse(anchor.key) == anchor
    assert anchor.is_genuine(anchor.sealed(5, KEY), KEY)
    assert not anchor.is_genuine(anchor.sealed(5, KEY), KEY[::-1])
    assert not anchor._replace(seq=16).is_genuine(anchor.sealed(5, KEY), KEY)
    assert not anchor.is_genuine(b"", KEY)
    assert Anchor.parse("audit-anchors/x/y") is None
