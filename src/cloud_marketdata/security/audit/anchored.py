"""What the anchors in the cold tier say of each chain."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.security.audit.anchor import ANCHORS, Anchor
from cloud_marketdata.security.audit.faults import Fault, Wrong
from cloud_marketdata.storage.ports import ObjectStore


class Anchors:
    """All anchors as their keys tell them; those that matter are read and must be genuine."""

    def __init__(self, objects: ObjectStore, keys: Sequence[bytes], listed: Sequence[str]) -> None:
        found = [anchor for key in listed if (anchor := Anchor.parse(key))]
        self.count = len(found)
        self._objects = objects
        self._keys = keys
        self._by_writer: dict[str, list[Anchor]] = defaultdict(list)
        for anchor in found:
            self._by_writer[anchor.writer].append(anchor)

    @property
    def writers(self) -> set[str]:
        """Everybody of whom there is an anchor."""
        return set(self._by_writer)

    def of(self, writer: str) -> dict[int, str]:
        """Return the digests of a writer's lines by their number."""
        return {anchor.seq: anchor.digest for anchor in self._by_writer.get(writer, ())}

    async def contradicting(self, writer: str, file: str, line: int, seq: int) -> list[Fault]:
        """Say what is wrong where an anchor knows another line than the one that is there."""
        what = "an anchor in the cold tier knows another line in its place"
        told = Fault(writer, file, line, seq, Wrong.ALTERED, 1, what)
        return await self._held([each for each in self._by_writer[writer] if each.seq == seq], told)

    async def behind(self, writer: str, end: "End") -> list[Fault]:
        """Say what is missing behind the last line of a chain."""
        later = [each for each in self._by_writer.get(writer, ()) if each.seq > end.seq]
        if not later:
            return []
        newest = max(later, key=lambda each: each.seq)
        what = f"an anchor in the cold tier knows seq {newest.seq}"
        count = newest.seq - end.seq
        told = Fault(writer, end.file, end.line, end.seq + 1, Wrong.MISSING, count, what)
        return await self._held([newest], told)

    async def _held(self, anchors: Sequence[Anchor], told: Fault) -> list[Fault]:
        """Return the fault if an anchor is genuine, else that this log did not write the anchor."""
        found = []
        for anchor in anchors:
            data = await self._objects.get(anchor.key)
            if any(anchor.is_genuine(data or b"", key) for key in self._keys):
                return [told]
            what = "this log did not write this anchor"
            found.append(Fault(anchor.writer, anchor.key, 1, anchor.seq, Wrong.FOREIGN, 1, what))
        return found


class End(NamedTuple):
    """Where a chain ends: its last line's number, its file, and the line behind it there."""

    seq: int
    file: str
    line: int


async def anchors_in(objects: ObjectStore | None, keys: Sequence[bytes]) -> Anchors | None:
    """List the anchors, if there is a cold tier; raises StorageError."""
    return None if objects is None else Anchors(objects, keys, await objects.list(ANCHORS))
