"""Immutable objects over any obstore store: a folder, memory, or an S3 bucket.

obstore's synchronous calls run in threads of their own: its asynchronous ones can abort the
interpreter at exit, and a store that hangs shall not hold up other work. A key is a relative path
of plain segments; anything else is refused with ValueError.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore
from obstore.store import ObjectStore as AnyStore

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.refusals import is_missing, told

T = TypeVar("T")

_THREADS: Final = 8
_PROBED: Final = "probe/"
"""Nothing lies there, so the answer is small."""

# Percent-encoded text stays inside these characters; segments of dots alone are refused apart.
_SEGMENT = re.compile(r"[A-Za-z0-9._=%+\-]{1,200}", re.ASCII)


class ObstoreObjects:
    """ObjectStore over obstore; errors begin with `name`."""

    def __init__(
        self, store: AnyStore, name: str = "object store", impatient: AnyStore | None = None
    ) -> None:
        """`impatient` is the same store with less patience, for probes."""
        self._store = store
        self._impatient = impatient or store
        self._name = name
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="objects")
        self._probes = ThreadPoolExecutor(1, thread_name_prefix="probe-objects")
        self._unwritten: StorageError | None = None

    async def put(self, key: str, data: bytes) -> bool:
        """Create the object; return False, changing nothing, where the key exists."""
        _check(key)
        try:
            created = await self._call(lambda: self._create(key, data))
        except StorageError as error:
            self._unwritten = error
            raise
        self._unwritten = None
        return created

    async def get(self, key: str) -> bytes | None:
        """Return the object, or None."""
        _check(key)
        return await self._call(lambda: self._read(key))

    async def list(self, prefix: str) -> list[str]:
        """Return the keys below a prefix that ends in `/`, sorted."""
        if not prefix.endswith("/"):
            msg = f"a prefix ends in a slash: {prefix!r}"
            raise ValueError(msg)
        _check(prefix[:-1])
        pages = await self._call(lambda: list(obstore.list(self._store, prefix)))
        return sorted(meta["path"] for page in pages for meta in page)

    async def probe(self) -> None:
        """Look whether the store answers; raises StorageError where it does not.

        Also while the last object could not be written: a full disk and a read-only key can be read
        without end.
        """
        listed = obstore.list
        await self._call(lambda: list(listed(self._impatient, _PROBED)), self._probes)
        if self._unwritten:
            raise self._unwritten

    def _create(self, key: str, data: bytes) -> bool:
        try:
            obstore.put(self._store, key, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def _read(self, key: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            if is_missing(error):
                return None
            raise

    async def _call(self, work: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(threads or self._threads, work)
        except (BaseError, OSError) as error:
            msg = f"{self._name}: {told(error)}"
            raise StorageError(msg) from None


class FolderObjects(ObstoreObjects):
    """Objects in a folder, on the disk before `put` returns: obstore leaves that to the system."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStore(prefix=folder, mkdir=True), f"folder {folder}")
        self._folder = folder

    def _create(self, key: str, data: bytes) -> bool:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        # The bytes before the name: a power cut in between would leave a torn object for ever.
        # The store does not list a name that ends like this.
        draft = path.with_name(f"{path.name}#{secrets.randbits(63)}")
        try:
            draft.write_bytes(data)
            _sync(draft)
            os.link(draft, path)
        except FileExistsError:
            created = False
        else:
            created = True
        finally:
            draft.unlink(missing_ok=True)
        # Also where it was there: whoever wrote it may have been killed before this.
        for folder in path.parents:
            _sync(folder)
            if folder == self._folder:
                break
        return created


def folder_objects(folder: Path) -> ObstoreObjects:
    """Return the objects below a folder, which is made where it is missing.

    Raises StorageError where it cannot be made.
    """
    try:
        return FolderObjects(folder)
    except (BaseError, OSError) as error:
        msg = f"folder {folder}: {told(error)}"
        raise StorageError(msg) from error


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _check(key: str) -> None:
    segments = key.split("/")
    if not all(_SEGMENT.fullmatch(part) and part.strip(".") for part in segments):
        msg = f"not an object key: {key!r}"
        raise ValueError(msg)
