"""Figures of the process are the kernel's own; and how late the loop wakes is seen."""

import os
import resource
import time
from contextlib import suppress
from pathlib import Path

import pytest
from telemetric import Moved

from cloud_marketdata.core.telemetry.catalogue import (
    BUILD,
    CPU,
    DISK_READ,
    DISK_WRITTEN,
    FDS,
    RSS,
    STARTED,
)
from cloud_marketdata.core.telemetry.looplag import EVERY_S, LoopLag
from cloud_marketdata.core.telemetry.process import ProcessFigures


def told(figures: ProcessFigures) -> dict:
    return {sample.metric: sample.value for sample in figures.measures()}


def test_what_the_kernel_counts_is_told():
    before = resource.getrusage(resource.RUSAGE_SELF)
    figures = told(ProcessFigures("1.2.3", "all"))
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = [usage.ru_utime + usage.ru_stime for usage in (before, after)]
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert used[0] - 2 * tick <= figures[CPU] <= used[1] + 2 * tick
    assert 1_000_000 < figures[RSS] <= after.ru_maxrss * 1024
    assert figures[FDS] == pytest.approx(sum(1 for _ in Path("/proc/self/fd").iterdir()), abs=2)
    assert figures[STARTED] < time.time() < figures[STARTED] + 24 * 3600  # noqa: TID251  the real one
    assert figures[BUILD] == 1


def test_what_was_written_to_disk_is_counted(tmp_path):
    figures = ProcessFigures("1.2.3", "all")
    before = told(figures)
    path = tmp_path / "written"
    path.write_bytes(os.urandom(1 << 20))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    after = told(figures)
    # A folder in memory writes nothing to disks; and nothing is ever taken back.
    assert after[DISK_WRITTEN] - before[DISK_WRITTEN] in {0} | set(range(1 << 20, 1 << 22))
    assert after[DISK_READ] >= before[DISK_READ]


def test_a_system_that_tells_nothing_has_only_what_is_built(tmp_path):
    figures = ProcessFigures("1.2.3", "collect", tmp_path)
    [sample] = figures.measures()
    assert sample.metric is BUILD
    assert (sample.labels[0], sample.labels[2]) == ("1.2.3", "collect")


def test_input_and_output_are_read_by_name(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/io").write_text("rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n")
    figures = told(ProcessFigures("1", "all", tmp_path))
    assert (figures[DISK_READ], figures[DISK_WRITTEN]) == (4096, 8192)


@pytest.mark.anyio
async def test_how_late_a_wake_up_came_is_observed():
    clock = Moved()
    clock.late = 0.25
    lag = LoopLag(clock)

    class Enough(Exception):  # noqa: N818  it ends what never ends
        """It has slept often enough."""

    slept, sleep = 0, clock.sleep

    async def some(seconds: float) -> None:
        nonlocal slept
        assert seconds == EVERY_S
        slept += 1
        if slept > 3:
            raise Enough
        await sleep(seconds)

    clock.sleep = some
    with suppress(Enough):
        await lag.run()
    [sample] = lag.measures()
    assert sample.value.count == 3
    assert sample.value.quantile(0.5) == pytest.approx(0.25, rel=0.05)
