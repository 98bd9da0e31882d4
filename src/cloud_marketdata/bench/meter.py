"""What a run costs: CPU of the whole process, user and system, all threads, and wall time.

CPU counts from `open`, just before the first message can come, so nothing is left out; wall time
counts from `first`, so that a server may take its time to start.
"""

import re
import resource
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S

_STATUS: Final = Path("/proc/self/status")


class Cost(Struct, frozen=True):
    """The result line; rates are whole trades a second, memory is the peak in MiB."""

    trades: int
    trades_per_cpu_s: int
    trades_per_s: int
    rss_mb: int


class Meter:
    """Measures one run of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cpu = self._wall = 0

    def open(self) -> None:
        """Start to count CPU."""
        self._cpu = cpu_us()

    def first(self) -> None:
        """Start to count wall time, once."""
        self._wall = self._wall or self._clock.now()

    def cost(self, trades: int) -> Cost:
        """Return what it took until now."""
        spent_us = max(cpu_us() - self._cpu, 1)
        wall_ns = max(self._clock.now() - self._wall, 1)
        return Cost(
            trades=trades,
            trades_per_cpu_s=trades * 1_000_000 // spent_us,
            trades_per_s=trades * NS_PER_S // wall_ns,
            rss_mb=_peak_kib() // 1024,
        )


def cpu_us() -> int:
    """Return what this process has used of CPU, in µs."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_utime * 1_000_000) + round(usage.ru_stime * 1_000_000)


def _peak_kib() -> int:
    # The kernel's own peak may still be that of the process that started us, so VmHWM is asked.
    found = _STATUS.exists() and re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text("ascii"))
    if found:
        return int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
