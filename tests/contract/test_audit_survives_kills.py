"""What the audit log says is on the disk outlives its process, and what is left is not accused."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.faults import Report, Wrong
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.security.audit.secret import known_keys
from cloud_marketdata.security.audit.verify import verify
from cloud_marketdata.storage.memory import memory_objects
from cloud_marketdata.storage.objects.store import folder_objects

PROGRAM = Path(__file__).with_name("audit_writing_process.py")


def verified(folder: Path, *, cold: bool) -> Report:
    objects = folder_objects(folder / "cold") if cold else None
    keys = known_keys(Settings(data_dir=folder))
    return asyncio.run(verify(folder / "audit", objects, keys))


def lines_of(folder: Path, writer: str) -> list[dict]:
    """Return the whole lines of a writer, in their order."""
    paths = sorted((folder / "audit" / writer).glob("*.jsonl"))
    whole = [path.read_bytes().rpartition(b"\n")[0] for path in paths]
    return [json.loads(line) for data in whole for line in data.split(b"\n") if line]


def killed(folder: Path, reports: int) -> tuple[str, int]:
    """Have a process record, kill it in the midst of that; return what it has said last."""
    with subprocess.Popen([sys.executable, PROGRAM, folder], stdout=subprocess.PIPE) as one:
        for _ in range(reports):
            writer, line = one.stdout.readline().split()
        one.kill()
    return writer.decode(), int(line)


def test_after_a_kill_nothing_that_was_on_the_disk_is_missing_or_accused(tmp_path):
    told = {}
    for reports in (5, 40, 41, 90):
        writer, line = killed(tmp_path, reports)
        told[writer] = line

        report = verified(tmp_path, cold=True)
        assert {fault.wrong for fault in report.faults} <= {Wrong.TRUNCATED}
        assert report.ok
        assert any(f"{writer} was killed" in note for note in report.notes)

    assert len(told) == 4
    for writer, line in told.items():
        lines = lines_of(tmp_path, writer)
        events = [each for each in lines if each["action"] == "market.trades"]
        assert [each["seq"] for each in lines] == list(range(1, len(lines) + 1))
        assert [each["params"]["n"] for each in events] == [str(n + 1) for n in range(len(events))]
        assert len(lines) >= line


def test_processes_that_record_into_one_folder_at_once_have_each_a_chain(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, PROGRAM, tmp_path], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for _ in range(20):
        for one in processes:
            one.stdout.readline()
    running = verified(tmp_path, cold=True)
    for one in processes:
        one.kill()
        one.communicate()

    assert (running.faults, running.notes, running.writers) == ([], [], 3)
    report = verified(tmp_path, cold=True)
    assert (report.ok, report.writers) == (True, 3)


@pytest.mark.parametrize("events", [50_000])
def test_the_log_is_quick(tmp_path, events, record_property):
    """The bounds are wide, for machines that are busy; what was measured is told."""
    settings = Settings(data_dir=tmp_path, audit_queue=events)
    given = [
        AuditEvent(
            "market.trades",
            "rest",
            "ok",
            status=200,
            key_id="abcd1234",
            owner="ada",
            address="192.0.2.7",
            agent="python-httpx/0.28",
            resource="/v1/markets/binance-spot/BTCUSDT/trades",
            params={"limit": "100", "start": str(1_723_161_256_000 + number)},
            request_id=f"rest-18b2f-{number}",
        )
        for number in range(events)
    ]

    async def wrote() -> tuple[float, float]:
        clock = SystemClock()
        log = AuditLog(settings, memory_objects(), clock, Random(1))  # noqa: S311  for delays alone
        began = time.process_time()
        for one in given:
            log.record(one)
        recorded = time.process_time()
        async with asyncio.TaskGroup() as group:
            group.create_task(log.run())
            log.close()
        return recorded - began, time.process_time() - began

    record_s, all_s = asyncio.run(wrote())
    began = time.process_time()
    report = verified(tmp_path, cold=False)
    verify_s = time.process_time() - began

    each = f"record() {record_s / events * 1e6:.2f} us, in all {all_s / events * 1e6:.1f} us"
    record_property("told", f"{each} of CPU an event; verify {events} lines: {verify_s:.2f} s")
    assert report.faults == []
    assert report.lines == events + 2 + (report.files - 1)
    assert record_s / events < 20e-6
    assert all_s / events < 200e-6
    assert verify_s < 3
