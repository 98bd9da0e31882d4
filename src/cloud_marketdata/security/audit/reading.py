"""Finds events in the files of one folder: of all writers, up to what is on the disk.

A closed file says between which times its lines lie, so most files are never opened. What has to be
read at once is bounded; a question that needs more is refused with LimitError, in words that say
what to do. Lines are not verified here, and what is no line is counted.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

import msgspec

from cloud_marketdata.core.errors import LimitError
from cloud_marketdata.security.audit.event import CLOSE
from cloud_marketdata.security.audit.line import Line, line_in
from cloud_marketdata.security.audit.places import files_of, writers_in
from cloud_marketdata.security.audit.segment import tail_of, translated

MOST_BYTES: Final = 256 << 20
_TS: Final = slice(len(b'{"ts":'), len(b'{"ts":') + 19)
_CROWD: Final = 3
"""So many times the page are gathered before they are sorted out."""
_ALWAYS: Final = (0, 1 << 63)

Key = tuple[int, str]
"""What answers are ordered by: the time in ns, and the line's own name."""


class Wanted(NamedTuple):
    """Events with start <= ts < end (ns), of these very values where they are not empty."""

    start: int
    end: int
    action: str = ""
    outcome: str = ""
    owner: str = ""
    key_id: str = ""
    surface: str = ""

    @property
    def marks(self) -> list[bytes]:
        """What stands in every line that is wanted, to pass over the others quickly."""
        given = ((name, value) for name, value in zip(_FILTERS, self[2:], strict=True) if value)
        return [f'"{name}":'.encode() + msgspec.json.encode(value) for name, value in given]

    def lets(self, line: Line) -> bool:
        """Whether a line is wanted, its time apart."""
        pairs = zip(_FILTERS, self[2:], strict=True)
        return all(not value or getattr(line, name) == value for name, value in pairs)


_FILTERS: Final = Wanted._fields[2:]


class Found(NamedTuple):
    """Lines in ascending order; `more` is whether others follow. unreadable: lines that are none.

    files: how many were read for it. writers: how many chains there are in the folder.
    """

    lines: list[Line]
    more: bool
    unreadable: int
    files: int
    writers: int


class Reader:
    """Reads one folder; what it learns of closed files it keeps, since these never change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._times: dict[Path, tuple[int, int]] = {}
        self._turn = Lock()

    def page(self, wanted: Wanted, limit: int, after: Key | None = None) -> Found:
        """Return the first `limit` wanted lines behind `after`; raises LimitError, StorageError."""
        return self._found(wanted, limit, after, newest=False)

    def newest(self, wanted: Wanted, limit: int) -> Found:
        """Return the last `limit` wanted lines; raises as `page` does."""
        return self._found(wanted, limit, None, newest=True)

    def _found(self, wanted: Wanted, limit: int, after: Key | None, *, newest: bool) -> Found:
        # One at a time: each may read as much as the bound allows.
        with self._turn, translated(self._folder):
            writers = writers_in(self._folder)
            paths = self._overlapping(writers, wanted)
            walk = _Walk(wanted, after, newest=newest)
            best = walk.best(paths, limit + 1)
        chosen = best[1:] if newest and len(best) > limit else best[:limit]
        return Found(chosen, len(best) > limit, walk.unreadable, len(paths), len(writers))

    def _overlapping(self, writers: list[str], wanted: Wanted) -> list[Path]:
        there = [path for writer in writers for path in files_of(self._folder / writer)]
        self._times = {path: self._times[path] for path in there if path in self._times}
        found = [path for path in there if _meet(self._span(path), wanted)]
        size = sum(path.stat().st_size for path in found)
        if size > MOST_BYTES:
            msg = (
                f"{size >> 20} MB of the audit log lie in this range, more than the "
                f"{MOST_BYTES >> 20} MB that are read at once; ask for a shorter range"
            )
            raise LimitError(msg)
        return found

    def _span(self, path: Path) -> tuple[int, int]:
        """Return the times of a file's first and last line; all times where it is not closed."""
        if path not in self._times:
            span = _told(path)
            if span is None:
                return _ALWAYS
            self._times[path] = span
        return self._times[path]


def key_of(line: Line) -> Key:
    """Return what a line is ordered by."""
    return line.ts, f"{line.writer}/{line.seq:016d}"


class _Walk:
    """One walk through files, from their ends where the newest are wanted.

    unreadable: lines met that are none. What cannot be among the best any more is not decoded, so
    a page costs little more than a look at the first bytes of each line.
    """

    def __init__(self, wanted: Wanted, after: Key | None, *, newest: bool) -> None:
        self.unreadable = 0
        self._wanted = wanted
        self._after = after
        self._newest = newest
        self._marks = wanted.marks
        self._start = max(wanted.start, after[0]) if after else wanted.start
        self._end = wanted.end

    def best(self, paths: list[Path], count: int) -> list[Line]:
        """Return the first or last `count` wanted lines, ascending."""
        found: list[Line] = []
        for line in self._lines(paths):
            found.append(line)
            if len(found) >= _CROWD * count:
                found = self._narrowed(found, count)
        return self._narrowed(found, count)

    def _narrowed(self, found: list[Line], count: int) -> list[Line]:
        """Keep the best, and pass over what is behind the last of them from now on."""
        found.sort(key=key_of)
        kept = found[-count:] if self._newest else found[:count]
        if len(kept) == count and self._newest:
            self._start = kept[0].ts
        elif len(kept) == count:
            self._end = min(self._end, kept[-1].ts + 1)
        return kept

    def _lines(self, paths: list[Path]) -> Iterator[Line]:
        """Yield every wanted line behind the place, file by file."""
        for path in paths:
            lines = path.read_bytes().split(b"\n")[:-1]
            for raw in reversed(lines) if self._newest else lines:
                ts = self._ts(raw)
                if self._start <= ts < self._end and all(mark in raw for mark in self._marks):
                    line = self._read(raw)
                    if line and self._lets(line):
                        yield line

    def _ts(self, raw: bytes) -> int:
        try:
            return int(raw[_TS])
        except ValueError:
            self.unreadable += 1
            return -1

    def _read(self, raw: bytes) -> Line | None:
        try:
            return line_in(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.unreadable += 1
            return None

    def _lets(self, line: Line) -> bool:
        behind = self._after is None or key_of(line) > self._after
        return behind and self._wanted.lets(line)


def _told(path: Path) -> tuple[int, int] | None:
    """Return what a closed file says of its times, or None."""
    try:
        line = line_in(tail_of(path).raw)
        if line.action == CLOSE:
            # The closing line itself is not between the times of which it tells.
            low, high = int(line.params["low"]), int(line.params["high"])
            return min(low, line.ts), max(high, line.ts) + 1
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError):
        pass
    return None


def _meet(span: tuple[int, int], wanted: Wanted) -> bool:
    return span[0] < wanted.end and wanted.start < span[1]
