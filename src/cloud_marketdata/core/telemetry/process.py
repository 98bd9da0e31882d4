"""Figures of this process as its kernel tells them; a system that tells none has none.

CPU, memory, open files and the start are read as Prometheus' own library reads them. Bytes count
that really went to or came from disks, not what was asked of the page cache.
"""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import ProcessCollector

from cloud_marketdata.core.telemetry.catalogue import (
    BUILD,
    CPU,
    DISK_READ,
    DISK_WRITTEN,
    FDS,
    RSS,
    STARTED,
)
from cloud_marketdata.core.telemetry.metric import Metric, Sample

_BY_NAME: Final = {metric.name: metric for metric in (CPU, RSS, FDS, STARTED)}
_BY_LINE: Final[dict[str, Metric]] = {"read_bytes": DISK_READ, "write_bytes": DISK_WRITTEN}


class ProcessFigures:
    """What this process uses.

    version and role: what it is. proc: where the kernel tells of processes.
    """

    def __init__(self, version: str, role: str, proc: Path = Path("/proc")) -> None:
        self._build = BUILD.of(1, version, platform.python_version(), role)
        self._io = proc / "self" / "io"
        self._kernel = ProcessCollector(proc=str(proc), registry=None)

    def measures(self) -> Iterator[Sample]:
        """See Measured."""
        yield self._build
        for family in self._kernel.collect():
            for told in family.samples:
                if metric := _BY_NAME.get(told.name):
                    yield metric.of(told.value)
        yield from self._disk()

    def _disk(self) -> Iterator[Sample]:
        try:
            lines = self._io.read_text().splitlines()
        except OSError:
            return
        for line in lines:
            name, _, count = line.partition(": ")
            if metric := _BY_LINE.get(name):
                yield metric.of(int(count))
