import asyncio
import json
import resource
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from audit_stage import NOW, StageClock, event, lines_of, settings_of, verified

from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.storage.memory import memory_objects

pytestmark = pytest.mark.anyio


@pytest.fixture
def objects():
    return memory_objects()


def log_in(folder: Path, objects, clock=None, **given: object) -> AuditLog:
    settings, clock = settings_of(folder, **given), clock or StageClock()
    return AuditLog(settings, objects, clock, Random(1))  # noqa: S311  for delays alone


@asynccontextmanager
async def running(log: AuditLog):
    """Have the log run beside the block, and end in order behind it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(log.run())
        yield
        log.close()


async def until(is_so) -> None:
    """Let everybody else run until something is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  a thread sets no event
            await asyncio.sleep(0.001)


def told(folder: Path) -> list[dict]:
    """Return all whole lines of all writers; one may be on its way at this moment."""
    paths = sorted((folder / "audit").glob("*/*.jsonl"))
    lines = [line for path in paths for line in lines_of(path) if line.endswith(b"\n")]
    return [json.loads(line) for line in lines]


def actions(folder: Path) -> list[str]:
    return [line["action"] for line in told(folder)]


@contextmanager
def no_file_beyond(size: int):
    """Have the system refuse what would make a file longer, in the midst of a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_what_was_recorded_is_on_the_disk_in_its_order(tmp_path, objects):
    log = log_in(tmp_path, objects)
    async with running(log):
        for number in range(100):
            log.record(event(number))

    lines = told(tmp_path)
    assert [line["action"] for line in lines[:1] + lines[-1:]] == ["audit.start", "audit.close"]
    assert [line["params"]["n"] for line in lines[1:-1]] == [str(n) for n in range(100)]
    assert [line["seq"] for line in lines] == list(range(1, 103))
    assert lines[-1]["params"] == {"why": "stop", "low": str(NOW), "high": str(NOW)}
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).ok


async def test_events_are_taken_before_it_runs(tmp_path, objects):
    log = log_in(tmp_path, objects)
    log.record(event(1))
    async with running(log):
        pass

    assert actions(tmp_path) == ["audit.start", "market.trades", "audit.close"]


async def test_an_event_that_finds_no_room_is_counted_and_told_where_it_would_stand(
    tmp_path, objects
):
    log = log_in(tmp_path, objects, audit_queue=10)
    for number in range(25):
        log.record(event(number))
    log.record(event(0, code="x"))
    pulse = await log.pulse()
    assert (pulse.ok, pulse.state, pulse.detail["lost"]) == (False, "losing", 16)

    async with running(log):
        await until(lambda: "audit.lost" in actions(tmp_path))
        assert (await log.pulse()).ok
        log.record(event(77))

    lines = told(tmp_path)
    assert [line["action"] for line in lines[10:14]] == [
        "market.trades",
        "audit.lost",
        "market.trades",
        "audit.close",
    ]
    assert lines[11]["params"] == {"market.trades/ok": "16"}
    assert lines[11]["outcome"] == "failed"
    assert lines[12]["params"] == {"n": "77"}


async def test_a_log_that_is_cancelled_has_written_what_was_recorded_before(tmp_path, objects):
    log = log_in(tmp_path, objects)
    task = asyncio.ensure_future(log.run())
    await until(lambda: actions(tmp_path))
    for number in range(500):
        log.record(event(number))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert actions(tmp_path).count("market.trades") == 500
    assert actions(tmp_path)[-1] == "audit.close"


async def test_a_log_that_is_cancelled_while_a_thread_writes_loses_nothing(tmp_path, objects):
    for turns in range(8):
        log = log_in(tmp_path / str(turns), objects)
        task = asyncio.ensure_future(log.run())
        await until(lambda folder=tmp_path / str(turns): actions(folder))
        for number in range(800):
            log.record(event(number))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        lines = told(tmp_path / str(turns))
        numbers = [line["params"]["n"] for line in lines if line["action"] == "market.trades"]
        assert numbers == [str(number) for number in range(800)]


async def test_a_disk_that_refuses_in_the_midst_of_a_line_holds_up_nobody_and_loses_nothing(
    tmp_path, objects
):
    log = log_in(tmp_path, objects)
    async with running(log):
        await until(lambda: actions(tmp_path))
        with no_file_beyond(4000):
            for number in range(40):
                log.record(event(number))
            await until(lambda: log._error)
            pulse = await log.pulse()
            assert not pulse.ok
            assert pulse.state == "refused"
            assert "File too large" in pulse.detail["error"]
            assert pulse.detail["waiting"] == 40
            log.record(event(40))
        await until(lambda: not log._error)

    assert actions(tmp_path).count("market.trades") == 41
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults == []


async def test_a_folder_that_cannot_be_made_is_tried_again(tmp_path, objects):
    (tmp_path / "audit").write_text("in the way")
    log = log_in(tmp_path, objects)
    async with running(log):
        log.record(event(1))
        await until(lambda: log._error)
        (tmp_path / "audit").unlink()

        await until(lambda: "market.trades" in actions(tmp_path))

    assert actions(tmp_path) == ["audit.start", "market.trades", "audit.close"]


async def test_a_stop_does_not_wait_for_a_disk_that_refuses(tmp_path, objects):
    (tmp_path / "audit").write_text("in the way")
    log = log_in(tmp_path, objects)
    async with asyncio.timeout(10):
        async with running(log):
            log.record(event(1))
            await asyncio.sleep(0)

    assert (await log.pulse()).detail["waiting"] == 1


@pytest.mark.parametrize("deed", ["removed", "shortened", "folder removed"])
async def test_a_file_that_others_touch_while_it_is_written_is_not_filled_up(
    tmp_path, objects, deed
):
    log = log_in(tmp_path, objects)
    async with running(log):
        for number in range(5):
            log.record(event(number))
        await until(lambda: actions(tmp_path).count("market.trades") == 5)
        path = next((tmp_path / "audit").glob("*/*.jsonl"))
        if deed == "shortened":
            path.write_bytes(b"".join(lines_of(path)[:3]))
        else:
            path.unlink()
        if deed == "folder removed":
            (path.parent / "lock").unlink()
            path.parent.rmdir()
        for number in range(5, 8):
            log.record(event(number))
        await until(lambda: any(line["params"].get("n") == "7" for line in told(tmp_path)))
        assert (await log.pulse()).detail["disturbed"] == 1

    report = await asyncio.to_thread(verified, tmp_path / "audit", objects)
    assert [(fault.seq, fault.wrong, fault.count) for fault in report.faults] == [
        (4, "missing", 3) if deed == "shortened" else (1, "missing", 6)
    ]


async def test_a_log_that_died_of_a_bug_goes_on_in_a_chain_of_its_own(tmp_path, objects):
    log = log_in(tmp_path, objects)
    for _ in range(2):
        task = asyncio.ensure_future(log.run())
        log.record(event(1))
        await until(lambda: log._scribe.waiting == 0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert len(list((tmp_path / "audit").iterdir())) == 2
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults == []
    assert actions(tmp_path).count("market.trades") == 2


async def test_several_writers_in_one_folder_have_each_a_chain(tmp_path, objects):
    # The names of the first two are the same, as by the same chance in the same second.
    logs = [log_in(tmp_path, objects, role=role) for role in ("serve", "serve", "collect")]
    async with asyncio.TaskGroup() as group:
        for log in logs:
            group.create_task(log.run())
        for number in range(300):
            logs[number % 3].record(event(number))
        await until(lambda: actions(tmp_path).count("market.trades") == 300)
        for log in logs:
            log.close()

    report = await asyncio.to_thread(verified, tmp_path / "audit", objects)
    assert (report.writers, report.lines, report.faults) == (3, 306, [])


async def test_a_file_is_closed_at_its_size_and_after_a_day(tmp_path, objects):
    clock = StageClock()
    log = log_in(tmp_path, objects, clock, audit_segment_mb=1)
    async with running(log):
        for number in range(4000):
            log.record(event(number, agent=f"agent {number}"))
        await until(lambda: "audit.close" in actions(tmp_path))
        log.record(event(1))
        await until(lambda: log._scribe.waiting == 0)
        clock.move(86_400)
        await until(lambda: actions(tmp_path).count("audit.close") == 2)
        log.record(event(2))

    closes = [line["params"]["why"] for line in told(tmp_path) if line["action"] == "audit.close"]
    assert closes == ["size", "age", "stop"]
    assert (await asyncio.to_thread(verified, tmp_path / "audit", objects)).faults == []
