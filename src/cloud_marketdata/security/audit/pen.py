"""Writes the files of one writer: whole batches, each on the disk before the next is begun.

It belongs to one thread at a time. What the disk refuses is kept as the very bytes it is, because
its place in the chain is settled, and goes first at the next attempt.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.audit.chain import Chain, Head
from cloud_marketdata.security.audit.event import CLOSE, LOST, START, AuditEvent
from cloud_marketdata.security.audit.places import file_name, lock_of
from cloud_marketdata.security.audit.redact import redacted
from cloud_marketdata.security.audit.segment import DisturbedError, Segment, translated

DAY: Final = 86_400 * NS_PER_S
"""At which age a file is closed, however small it is."""

Entry = tuple[int, AuditEvent]
"""When it happened, in ns, and what."""


class Plan(NamedTuple):
    """What a writer's files are like.

    folder: of all writers. name: of this one; a folder of that name that is there is never taken.
    start: what the first line tells. most_bytes: at which size a file is closed.
    """

    folder: Path
    name: str
    key: bytes
    start: dict[str, str]
    most_bytes: int


class Pen:
    """The one writer of a chain; it holds the lock of its folder until `release`.

    head: the newest line that is surely on the disk. closed: files that are finished. disturbed:
    how often a file was found gone or shortened by others. home: its folder, once it has one.
    """

    def __init__(self, plan: Plan) -> None:
        self.head = Head()
        self.closed: list[Path] = []
        self.disturbed = 0
        self.home: Path | None = None
        self._plan = plan
        self._chain = Chain("", plan.key, self.head)
        self._lock = -1
        self._segment: Segment | None = None
        self._ending = False
        self._unwritten = bytearray()

    @property
    def name(self) -> str:
        """The writer's name, empty before it has a folder."""
        return self.home.name if self.home else ""

    @property
    def claimed(self) -> bool:
        """Whether the folder is its own at this moment."""
        return self._lock >= 0

    @property
    def unwritten(self) -> int:
        """Lines that the disk has not taken yet."""
        return self._chain.head.seq - self.head.seq

    def claim(self, now: int) -> None:
        """Take a folder that nobody has had and begin its chain, unless that is done.

        Raises StorageError.
        """
        if self.claimed:
            return
        with translated(self._plan.folder):
            self._plan.folder.mkdir(parents=True, exist_ok=True)
            self.home = self._made()
        self.head = Head()
        self._chain = Chain(self.home.name, self._plan.key, self.head)
        self.add([(now, AuditEvent(START, "system", "ok", params=self._plan.start))])

    def add(self, entries: Sequence[Entry]) -> None:
        """Put entries into the chain; only `flush` makes them last."""
        for ts, event in entries:
            self._segment = self._segment or self._next()
            self._segment.saw(ts)
            # What the log says of itself holds names and counts of ours alone.
            clean = event if event.action in (START, LOST) else redacted(event)
            self._unwritten += self._chain.line(ts, clean)

    def flush(self, now: int) -> None:
        """Write what was added, and end a file that is large or old.

        Raises StorageError; nothing may be added then before it has succeeded.
        """
        self._write()
        if self._segment and self._segment.size >= self._plan.most_bytes:
            self.close(now, "size")
        elif self.is_old(now):
            self.close(now, "age")

    def is_old(self, now: int) -> bool:
        """Whether the file that is written to is to be ended though nothing is to be written."""
        segment = self._segment
        return segment is not None and now - segment.low >= DAY

    def close(self, now: int, why: str) -> None:
        """End the file that is written to by a line that says so; raises StorageError."""
        self._write()
        if self._segment is None:
            return
        event = closing(self._segment, why, now)
        self._unwritten += self._chain.line(now, event)
        self._ending = True
        self._write()

    def release(self) -> None:
        """Give the folder up: from now on it is a former writer's."""
        if self.claimed:
            os.close(self._lock)
            self._lock = -1

    def _write(self) -> None:
        segment = self._segment
        if not self._unwritten or segment is None:
            return
        try:
            segment.append(self._unwritten)
        except DisturbedError as error:
            segment = self._segment = self._recovered(error)
            segment.append(self._unwritten)
        self._unwritten = bytearray()
        self.head = self._chain.head
        if self._ending:
            self.closed.append(segment.path)
            self._segment, self._ending = None, False

    def _recovered(self, error: DisturbedError) -> Segment:
        """Go on in a new file, in the folder and under the lock as they were."""
        assert self.home is not None
        self.disturbed += 1
        structlog.get_logger().error("audit.disturbed", error=str(error))
        with translated(self.home):
            self.home.mkdir(parents=True, exist_ok=True)
            os.close(self._lock)
            self._lock = _locked(self.home)
        return self._next()

    def _next(self) -> Segment:
        """Return the file whose first line is the next one that is not on the disk yet."""
        assert self.home is not None
        return Segment(self.home / file_name(self.head.seq + 1))

    def _made(self) -> Path:
        home, number = self._plan.folder / self._plan.name, 1
        while True:
            try:
                home.mkdir(0o700)
                break
            except FileExistsError:
                number += 1
                home = self._plan.folder / f"{self._plan.name}.{number}"
        try:
            self._lock = _locked(home)
        except OSError:
            with suppress(OSError):
                home.rmdir()
            raise
        return home


def closing(segment: Segment, why: str, now: int) -> AuditEvent:
    """Return the event of a file's last line; it tells between which times (ns) all of it lies."""
    told = {"why": why, "low": str(min(segment.low or now, now)), "high": str(segment.high)}
    return AuditEvent(CLOSE, "system", "ok", params=told)


def _locked(home: Path) -> int:
    handle = lock_of(home)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle
