"""Puts an object of a day where it belongs, and looks it up: create, read back, never change.

The first content of a day has the day's own key. Another content is a revision (see `keys`), and
only if it includes more of the log: an older one comes from somebody who has fallen behind, and two
contents at one position cannot both be right. Both are refused with StorageError.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.keys import Place
from cloud_marketdata.storage.objects.manifest import Entry
from cloud_marketdata.storage.ports import ObjectStore


class Identity(NamedTuple):
    """What an object holds: hash of the day it belongs to, of its own content, and the position."""

    day: str
    content: str
    position: int


Identify = Callable[[bytes], Identity]
"""Tells the identity by decoding all of the object; raises StorageError on damage."""


class _Kept(NamedTuple):
    key: str
    data: bytes
    identity: Identity

    @property
    def entry(self) -> Entry:
        digest = hashlib.sha256(self.data).hexdigest()
        return Entry(self.key, len(self.data), digest, self.identity.content)


async def keep(objects: ObjectStore, place: Place, data: bytes, identify: Identify) -> Entry:
    """Store the object unless its day's content is stored; return what the manifest says of it.

    It has been read back by then. Raises StorageError where it may not be stored, see the module,
    or where what was read back is not what was written.
    """
    mine = await asyncio.to_thread(identify, data)
    there = [await _read(objects, place.key, identify)]
    there += [await _read(objects, key, identify) for key in await revisions(objects, place)]
    stored = [kept for kept in there if kept]
    for kept in stored:
        if kept.identity.day == mine.day:
            return kept.entry
    if stored and mine.position <= max(kept.identity.position for kept in stored):
        msg = f"{stored[-1].key} holds another content that includes as much of the log or more"
        raise StorageError(msg)
    key = place.revision(mine.position) if stored else place.key
    created = await objects.put(key, data)
    read = await _read(objects, key, identify)
    if read is None:
        msg = f"{key} was written, and is not there"
        raise StorageError(msg)
    if read.identity.day != mine.day or (created and read.data != data):
        msg = f"{key} exists with another content, and objects are never changed"
        raise StorageError(msg)
    return read.entry


async def revisions(objects: ObjectStore, place: Place) -> list[str]:
    """Return the keys of what was stored of a day after the first object, oldest first."""
    later = await objects.list(place.revisions)
    return [key for key in later if Place.parse(key) == place]


async def _read(objects: ObjectStore, key: str, identify: Identify) -> _Kept | None:
    data = await objects.get(key)
    if data is None:
        return None
    try:
        return _Kept(key, data, await asyncio.to_thread(identify, data))
    except StorageError as error:
        msg = f"{key}: {error}"
        raise StorageError(msg) from error
