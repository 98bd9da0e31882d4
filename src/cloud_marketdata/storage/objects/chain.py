"""Writes the manifests of the cold tier and finds them again; what they say is in `manifest`.

Several processes may do so at once: a manifest is created, never changed, and whoever comes second
reads what the first wrote and adds to it. Who has written goes over the days once more, so that the
last to write leaves every later day chained to the newest manifest before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.manifest import (
    FOLDER,
    Entry,
    Manifest,
    Page,
    Slot,
    read,
    successor,
)
from cloud_marketdata.storage.ports import ObjectStore

_ROUNDS: Final = 64


async def write_manifest(objects: ObjectStore, day: date, entries: Sequence[Entry]) -> str:
    """List the objects in a manifest of the day and chain all later days to it; return its key.

    Nothing is written where the manifests say so already. Raises ValueError where an object is of
    another day or nothing would be listed, StorageError where the store is away, where an object is
    not what a manifest says of it, or where a last manifest of the days is damaged.
    """
    for _ in range(_ROUNDS):
        slots = await _last_slots(objects)
        if not entries and day not in slots:
            msg = f"a manifest of {day} would list nothing"
            raise ValueError(msg)
        if not await _write_round(objects, day, entries, slots):
            return slots[day].key
    msg = f"manifests from {day} on are written by too many others"
    raise StorageError(msg)


async def find_manifest(objects: ObjectStore, day: date) -> Manifest | None:
    """Return the last manifest of a day, which lists all its objects, or None.

    Raises StorageError where it is damaged; its place in the chain is not looked at (see `verify`).
    """
    keys = await objects.list(f"{FOLDER}date={day.isoformat()}/")
    slots = [slot for key in keys if (slot := Slot.parse(key))]
    return read(await read_page(objects, slots[-1])) if slots else None


async def read_page(objects: ObjectStore, slot: Slot) -> Page:
    """Return a manifest that was listed; raises StorageError where it is gone."""
    data = await objects.get(slot.key)
    if data is None:
        msg = f"{slot.key} was listed, and is gone"
        raise StorageError(msg)
    return Page(slot, data)


async def _write_round(
    objects: ObjectStore, day: date, entries: Iterable[Entry], slots: Mapping[date, Slot]
) -> bool:
    """Write what the day and the later ones lack; return whether anything may have changed."""
    earlier = [slots[each] for each in sorted(slots) if each < day]
    previous = await read_page(objects, earlier[-1]) if earlier else None
    changed = False
    for each in sorted({day, *(later for later in slots if later > day)}):
        newest = await read_page(objects, slots[each]) if each in slots else None
        page = successor(each, newest, previous, entries if each == day else ())
        if page:
            changed = True
            if not await _written(objects, page):
                break
        previous = page or newest
    return changed


async def _written(objects: ObjectStore, page: Page) -> bool:
    """Create a manifest and read it back; False where somebody else created it before."""
    if not await objects.put(page.slot.key, page.data):
        return False
    if (await read_page(objects, page.slot)).data != page.data:
        msg = f"{page.slot.key} was not read back as it was written"
        raise StorageError(msg)
    return True


async def _last_slots(objects: ObjectStore) -> dict[date, Slot]:
    slots = sorted(slot for key in await objects.list(FOLDER) if (slot := Slot.parse(key)))
    return {slot.day: slot for slot in slots}
