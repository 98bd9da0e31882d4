"""Re-derives the log from its bytes: every line, its place in its chain, every anchor.

Whatever is whole and was changed, removed, inserted or moved is found, with its place. What the
lines alone cannot show is that the end of a chain was cut off, or all of it: that an anchor shows,
up to the newest one. A torn last line is what a killed process leaves, and is told as that.
"""

import asyncio
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cloud_marketdata.security.audit.anchored import Anchors, End, anchors_in
from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.faults import Fault, Report, Wrong
from cloud_marketdata.security.audit.judging import Bounds
from cloud_marketdata.security.audit.places import is_of_commands, strangers_in
from cloud_marketdata.security.audit.scanning import Scan, Scanner
from cloud_marketdata.security.audit.sources import Source, read, sources_in
from cloud_marketdata.storage.ports import ObjectStore

_MOST_NOTES: Final = 100


async def verify(folder: Path, objects: ObjectStore | None, keys: Sequence[bytes]) -> Report:
    """Verify the log in a folder, with what of it lies in the cold tier where that is given.

    keys: the present one, and former ones under which older lines were written. Without `objects`
    a chain may begin anywhere, and nothing tells of what was cut off its end. It may be called
    while processes write. Raises StorageError where something cannot be read.
    """
    # The anchors first: what was anchored then is in the files that are read later.
    anchors = await anchors_in(objects, keys)
    sources = await sources_in(folder, objects)
    judge = _Verification(objects, anchors, Scanner(keys), Report(0, 0, 0, 0, [], []))
    report = judge.report
    report.anchors = anchors.count if anchors else 0
    for writer in sorted({*sources, *(anchors.writers if anchors else ())}):
        report.writers += 1
        home = folder / writer
        await judge.chain(writer, sources.get(writer, []), at_work=_is_held(home))
    strangers = await asyncio.to_thread(strangers_in, folder)
    report.notes += [f"{each.name} is no file of the log" for each in strangers[:_MOST_NOTES]]
    return report


class _Verification:
    """One run; `report` grows writer by writer."""

    def __init__(
        self,
        objects: ObjectStore | None,
        anchors: Anchors | None,
        scanner: Scanner,
        report: Report,
    ) -> None:
        self.report = report
        self._objects = objects
        self._anchors = anchors
        self._scanner = scanner

    async def chain(self, writer: str, sources: list[Source], *, at_work: bool) -> None:
        """Walk through the files of a writer."""
        head, end = Head(), End(0, f"{writer}/", 1)
        scan: Scan | None = None
        for at, source in enumerate(sources):
            following = sources[at + 1].first if at + 1 < len(sources) else None
            before = self._entered(source, head, is_first=at == 0)
            bounds = Bounds(writer, source.file, before, following)
            scan = await self._file(source, bounds, at_work=at_work and following is None)
            head, end = scan.head, End(scan.head.seq, source.file, scan.lines + 1)
        if self._anchors:
            self.report.faults += await self._anchors.behind(writer, end)
        if scan and not (scan.stopped or at_work or is_of_commands(writer)):
            self.report.notes.append(f"{writer} was killed: nothing tells of the end of it")

    def _entered(self, source: Source, head: Head, *, is_first: bool) -> Head:
        """Return what a file's first line follows; what should be before it and is not is told."""
        missing = source.first - head.seq - 1
        if missing <= 0:
            return head
        if is_first and self._objects is None:
            self.report.notes.append(f"{source.file}: what is before it was not looked at")
        else:
            place = (source.writer, source.file, 1, head.seq + 1, Wrong.MISSING, missing)
            self.report.faults.append(Fault(*place, "the files before it are gone"))
        return Head(source.first - 1, "")

    async def _file(self, source: Source, bounds: Bounds, *, at_work: bool) -> Scan:
        data, faults = await read(source, self._objects)
        anchored = self._anchors.of(bounds.writer) if self._anchors else {}
        scan = self._scanner.scan(data, bounds, anchored)
        self.report.files += 1
        self.report.lines += scan.lines
        self.report.faults += [*scan.faults, *faults]
        for line, seq in scan.contradicted:
            assert self._anchors
            place = (bounds.writer, bounds.file, line, seq)
            self.report.faults += await self._anchors.contradicting(*place)
        if scan.torn and not scan.closed and not at_work:
            place = (bounds.writer, bounds.file, scan.lines + 1, scan.head.seq + 1)
            what = f"the end of a line is not there ({scan.torn} bytes)"
            self.report.faults.append(Fault(*place, Wrong.TRUNCATED, 1, what))
        return scan


def _is_held(home: Path) -> bool:
    """Whether a process writes there at this moment; nothing is made for that."""
    with suppress(OSError):
        handle = os.open(home / "lock", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
    return False
