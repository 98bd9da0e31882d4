"""Reads the bytes of one file of the log and says whether every line follows the one before.

Almost every file is well, so the lines are walked through once with nothing kept of them. Only
where one does not follow, all of them are looked at again, to find what was done.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.event import CLOSE
from cloud_marketdata.security.audit.faults import Fault, Wrong
from cloud_marketdata.security.audit.judging import Bounds, Seen, judged
from cloud_marketdata.security.audit.line import Place, digest_of, is_genuine, place_in

_CLOSED = f'"action":"{CLOSE}"'.encode()
_STOPPED = b'"why":"stop"'
_NOWHERE = Place(0, "", 0, "")


class Scan(NamedTuple):
    """What a file was like.

    head: its last genuine line, with an empty digest where another one should be there.
    contradicted: lines of which an anchor says something else, as (line, seq).
    torn: bytes behind the last whole line. closed: whether nothing may follow in this file.
    stopped: whether nothing may follow at all, because the process has ended in order.
    """

    head: Head
    lines: int
    faults: list[Fault]
    contradicted: list[tuple[int, int]]
    torn: int
    closed: bool
    stopped: bool


class Scanner:
    """Reads files with the keys under which lines may have been written."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = list(keys)

    def scan(self, data: bytes, bounds: Bounds, anchored: Mapping[int, str]) -> Scan:
        """Look at a file; `anchored` has the digests of some lines by their number."""
        *lines, torn = data.split(b"\n")
        head, contradicted = self._walk(lines, bounds, anchored)
        faults: list[Fault] = []
        if head is None:
            seen = [self._seen(at, raw, bounds.writer) for at, raw in enumerate(lines, 1)]
            faults = judged(seen, bounds)
            contradicted = [
                (line.number, line.seq)
                for line in seen
                if line.genuine and anchored.get(line.seq, line.digest) != line.digest
            ]
            head = _head(seen, bounds)
        closed = bool(lines) and _CLOSED in lines[-1]
        if torn and closed:
            what = f"{len(torn)} bytes stand behind the end"
            place = (len(lines) + 1, head.seq + 1, Wrong.FOREIGN, 1, what)
            faults.append(Fault(bounds.writer, bounds.file, *place))
        return Scan(
            head,
            len(lines),
            faults,
            contradicted,
            len(torn),
            closed,
            closed and _STOPPED in lines[-1],
        )

    def is_genuine(self, raw: bytes) -> bool:
        """Whether a line was written under one of the keys; that one is tried first from now on."""
        for at, key in enumerate(self._keys):
            if is_genuine(raw, key):
                self._keys.insert(0, self._keys.pop(at))
                return True
        return False

    def _walk(
        self, lines: Sequence[bytes], bounds: Bounds, anchored: Mapping[int, str]
    ) -> tuple[Head | None, list[tuple[int, int]]]:
        """Return the head, None where a line does not follow; and what anchors contradict."""
        (seq, digest), contradicted = bounds.before, []
        for raw in lines:
            place = _place(raw)
            seq += 1
            follows = place.seq == seq and (place.prev == digest or not digest)
            if not follows or place.writer != bounds.writer or not self.is_genuine(raw):
                return None, []
            digest = digest_of(raw)
            if seq in anchored and anchored[seq] != digest:
                contradicted.append((seq - bounds.before.seq, seq))
        if bounds.end and seq != bounds.end - 1:
            return None, []
        return Head(seq, digest), contradicted

    def _seen(self, number: int, raw: bytes, writer: str) -> Seen:
        place = _place(raw)
        genuine = self.is_genuine(raw)
        alien = place.writer if genuine and place.writer != writer else ""
        genuine = genuine and not alien
        return Seen(number, place.seq, place.prev, digest_of(raw), genuine, alien)


def _place(raw: bytes) -> Place:
    try:
        return place_in(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _NOWHERE


def _head(seen: Sequence[Seen], bounds: Bounds) -> Head:
    genuine = {line.seq: line.digest for line in seen if line.genuine}
    if bounds.end:
        return Head(bounds.end - 1, genuine.get(bounds.end - 1, ""))
    last = max([bounds.before.seq, *genuine])
    return Head(last, genuine.get(last, bounds.before.digest))
