"""What of the cold tier belongs to a backup: what manifests list, and what they do not speak of.

An object that no manifest lists yet is still in the warm tier, and would be a fault in the copy. So
the manifests are taken first, once no archiving is in the middle of a row of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.objects.keys import ROOTS
from cloud_marketdata.storage.objects.manifest import FOLDER, Entry, Page, Slot, read

_QUIET_S: Final = 5
"""Manifests of one round follow each other faster than this."""
_ROUNDS: Final = 120
_LOOK_S: Final = 0.5
_DRAFT: Final = "#"
"""Stands in the name of an object that is being written."""


async def settled_slots(cold: Path, clock: Clock) -> list[Slot]:
    """Return the manifests, in a moment in which no row of them is being written.

    Raises StorageError where there is no such moment within a minute.
    """
    for _ in range(_ROUNDS):
        slots = sorted(slot for key in _keys(cold, FOLDER) if (slot := Slot.parse(key)))
        newest = max((_written(cold / slot.key) for slot in slots), default=0)
        # One from the future is not waited for: a clock was put back.
        if not 0 <= clock.now() - newest < _QUIET_S * NS_PER_S:
            return slots
        await clock.sleep(_LOOK_S)
    msg = "days are being archived all the time; try again later"
    raise StorageError(msg)


def listed(cold: Path, slots: list[Slot], faults: list[str]) -> Iterator[Entry]:
    """Yield what the last manifest of each day lists, which is all of the day.

    One that is damaged is noted in `faults`.
    """
    for slot in {each.day: each for each in slots}.values():
        try:
            manifest = read(Page(slot, (cold / slot.key).read_bytes()))
        except StorageError as error:
            faults.append(str(error))
        else:
            yield from manifest.objects


def beside(cold: Path) -> Iterator[str]:
    """Yield the keys that are no manifests and that no manifest could list."""
    for key in _keys(cold, ""):
        if not key.startswith((FOLDER, *ROOTS)):
            yield key


def _keys(cold: Path, below: str) -> Iterator[str]:
    for path in (cold / below).rglob("*"):
        if path.is_file() and _DRAFT not in path.name:
            yield path.relative_to(cold).as_posix()


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns
