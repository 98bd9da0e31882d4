"""Brings finished files to the cold tier, and removes what has been there for long enough.

A file is shipped as the very bytes it is, also a torn one of a killed process: it is evidence. It
counts as shipped once it was read back and was equal, and is compared again before it is removed.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.audit.line import place_in
from cloud_marketdata.security.audit.places import first_in
from cloud_marketdata.security.audit.segment import tail_of, translated
from cloud_marketdata.storage.ports import ObjectStore

SHIPPED: Final = "audit/"
"""Below it, in the cold tier, lie files as `<writer>/<first line>-<last line>.jsonl.zst`."""
_LEVEL: Final = 3
MOST_BYTES: Final = 2 << 30
"""No file of ours unpacks to more."""


class DifferingError(StorageError):
    """In the cold tier lies something else under a file's key."""

    code = "audit_differs"


class Shipping:
    """Ships files of any writer; `shipped` counts those that it has brought or found there."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._there: set[Path] = set()

    @property
    def shipped(self) -> int:
        """Files that are surely in the cold tier."""
        return len(self._there)

    async def ship(self, paths: Iterable[Path]) -> None:
        """Bring each file that is not there yet; raises StorageError."""
        for path in paths:
            if path not in self._there:
                await self._bring(path)
                self._there.add(path)

    async def remove_before(self, paths: Iterable[Path], ts: int) -> None:
        """Remove those files whose last line is older than `ts`, each once it is surely there.

        Raises StorageError.
        """
        for path in paths:
            if await asyncio.to_thread(_last_ts, path) < ts:
                await self._bring(path)
                with translated(path):
                    path.unlink(missing_ok=True)
                self._there.discard(path)

    async def _bring(self, path: Path) -> None:
        key, data, packed = await asyncio.to_thread(_packed, path)
        # Where it is there already, this or another process of the folder has brought it.
        await self._objects.put(key, packed)
        found = await self._objects.get(key)
        if found is None or await asyncio.to_thread(unpacked, found) != data:
            msg = f"cold tier: {key} is not what {path.parent.name}/{path.name} holds"
            raise DifferingError(msg)


def unpacked(data: bytes) -> bytes | None:
    """Return what a shipped object holds, or None where it is damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError:
        return None


def _packed(path: Path) -> tuple[str, bytes, bytes]:
    with translated(path):
        data = path.read_bytes()
    first, last = first_in(path), _last_seq(path)
    key = f"{SHIPPED}{path.parent.name}/{first:016d}-{last:016d}.jsonl.zst"
    packer = zstandard.ZstdCompressor(_LEVEL, write_checksum=True)
    return key, data, packer.compress(data)


def _last_seq(path: Path) -> int:
    try:
        return place_in(tail_of(path).raw).seq
    except msgspec.DecodeError:
        # No whole line, or one that somebody has spoilt: shipped all the same.
        return 0


def _last_ts(path: Path) -> int:
    try:
        return place_in(tail_of(path).raw).ts
    except msgspec.DecodeError:
        with translated(path):
            return path.stat().st_mtime_ns
