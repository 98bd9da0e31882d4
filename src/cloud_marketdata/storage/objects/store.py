"""Immutable objects over any obstore store: a folder, memory, or an S3 bucket.

obstore's synchronous calls run in a thread each: its asynchronous ones can abort the interpreter at
exit. A key is a relative path of plain segments; anything else is refused with ValueError.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore
from obstore.store import ObjectStore as AnyStore

from cloud_marketdata.core.errors import StorageError

T = TypeVar("T")

# Percent-encoded text stays inside these characters; segments of dots alone are refused apart.
_SEGMENT = re.compile(r"[A-Za-z0-9._=%+\-]{1,200}", re.ASCII)


class ObstoreObjects:
    """ObjectStore over obstore."""

    def __init__(self, store: AnyStore) -> None:
        self._store = store

    async def put(self, key: str, data: bytes) -> bool:
        """Create the object; return False, changing nothing, where the key exists."""
        _check(key)
        try:
            await self._call(lambda: obstore.put(self._store, key, data, mode="create"))
        except AlreadyExistsError:
            return False
        return True

    async def get(self, key: str) -> bytes | None:
        """Return the object, or None."""
        _check(key)
        try:
            return await self._call(lambda: bytes(obstore.get(self._store, key).bytes()))
        except FileNotFoundError:
            return None

    async def list(self, prefix: str) -> list[str]:
        """Return the keys below a prefix that ends in `/`, sorted."""
        if not prefix.endswith("/"):
            msg = f"a prefix ends in a slash: {prefix!r}"
            raise ValueError(msg)
        _check(prefix[:-1])
        pages = await self._call(lambda: list(obstore.list(self._store, prefix)))
        return sorted(meta["path"] for page in pages for meta in page)

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (BaseError, OSError) as error:
            msg = f"object store: {error}"
            raise StorageError(msg) from error


def folder_objects(folder: Path) -> ObstoreObjects:
    """Return the objects below a folder, which is made where it is missing.

    Raises StorageError where it cannot be made.
    """
    try:
        return ObstoreObjects(LocalStore(prefix=folder, mkdir=True))
    except (BaseError, OSError) as error:
        msg = f"object folder: {error}"
        raise StorageError(msg) from error


def _check(key: str) -> None:
    segments = key.split("/")
    if not all(_SEGMENT.fullmatch(part) and part.strip(".") for part in segments):
        msg = f"not an object key: {key!r}"
        raise ValueError(msg)
