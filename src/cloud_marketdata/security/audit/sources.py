"""Where the files of a log are to be found: in its folder, in the cold tier, or in both."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_marketdata.security.audit.faults import Fault, Wrong
from cloud_marketdata.security.audit.places import files_of, first_in, writers_in
from cloud_marketdata.security.audit.segment import translated
from cloud_marketdata.security.audit.shipping import SHIPPED, unpacked
from cloud_marketdata.storage.ports import ObjectStore

_KEY: Final = re.compile(r"audit/(?P<writer>[^/]+)/(?P<first>\d{16})-(?P<last>\d{16})\.jsonl\.zst")


class Source(Struct):
    """A file of the log: its first line's number, its path and its keys in the cold tier."""

    writer: str
    first: int
    path: Path | None
    keys: list[str]

    @property
    def file(self) -> str:
        """What to call it."""
        return self.keys[0] if self.path is None else f"{self.writer}/{self.path.name}"


Sources = Mapping[str, list[Source]]
"""By writer, in the order of their first lines."""


async def sources_in(folder: Path, objects: ObjectStore | None) -> Sources:
    """Find all files of all writers; raises StorageError."""
    found: dict[tuple[str, int], Source] = {}
    for key in [] if objects is None else await objects.list(SHIPPED):
        named = _KEY.fullmatch(key)
        if named:
            place = named["writer"], int(named["first"])
            found.setdefault(place, Source(*place, None, [])).keys.append(key)
    for writer in await asyncio.to_thread(writers_in, folder):
        for path in files_of(folder / writer):
            place = writer, first_in(path)
            found.setdefault(place, Source(*place, None, [])).path = path
    by_writer: dict[str, list[Source]] = defaultdict(list)
    for place in sorted(found):
        by_writer[place[0]].append(found[place])
    return by_writer


async def read(source: Source, objects: ObjectStore | None) -> tuple[bytes, list[Fault]]:
    """Return a file's bytes, and what is wrong with its copies in the cold tier."""
    faults = []
    data = None if source.path is None else _local(source.path)
    for key in source.keys if objects is not None else ():
        assert objects is not None
        packed = await objects.get(key)
        copy = None if packed is None else unpacked(packed)
        if data is None and copy is not None:
            data = copy
        elif copy is None:
            faults.append(_fault(source, key, 1, "the object cannot be unpacked"))
        elif copy != data:
            faults.append(_fault(source, key, *_difference(copy, data or b"")))
    return data or b"", faults


def _local(path: Path) -> bytes:
    with translated(path):
        return path.read_bytes()


def _difference(copy: bytes, data: bytes) -> tuple[int, str]:
    """Return the first line in which a copy differs."""
    pairs = zip(copy.split(b"\n"), data.split(b"\n"), strict=False)
    same = 0
    for one, other in pairs:
        if one != other:
            break
        same += 1
    return same + 1, "the copy differs from here on"


def _fault(source: Source, key: str, line: int, what: str) -> Fault:
    return Fault(source.writer, key, line, source.first + line - 1, Wrong.ALTERED, 1, what)
