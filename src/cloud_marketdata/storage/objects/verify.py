"""Re-derives the cold tier from its bytes: every manifest, its place in the chain, every object.

Nothing is believed because it is written down: hashes are computed from bytes, contents from
columns, sums from rows. What is wrong is a `Problem` with the key it is about; only a store that
does not answer is an error (StorageError). An object that no manifest lists is a problem as well,
so all keys are listed; an archive under way may be caught between an object and its manifest.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from cloud_marketdata.storage.objects.chain import read_page
from cloud_marketdata.storage.objects.inspection import inspect
from cloud_marketdata.storage.objects.keys import ROOTS, day_in
from cloud_marketdata.storage.objects.links import (
    Chapter,
    Problem,
    chain_faults,
    manifest_in,
)
from cloud_marketdata.storage.objects.manifest import FOLDER, Entry, Page, Slot
from cloud_marketdata.storage.ports import ObjectStore


class Report(Struct):
    """What was looked at and what is wrong with it."""

    days: list[date]
    manifests: int
    objects: int
    problems: list[Problem]


async def verify(objects: ObjectStore, day: date, *, whole: bool) -> Report:
    """Verify one day, or with `whole` also every day before it; see the module."""
    slots = sorted(slot for key in await objects.list(FOLDER) if (slot := Slot.parse(key)))
    stored = [key for root in ROOTS for key in await objects.list(root)]
    dated = {slot.day for slot in slots} | {of for key in stored if (of := day_in(key))}
    days = sorted({day, *(each for each in dated if whole and each < day)})
    report = Report(days, 0, 0, [])
    problems: set[Problem] = set()
    for each in days:
        chapter = await _chapter(objects, each, slots)
        listed = _listed(chapter.pages)
        report.manifests += len(chapter.pages)
        report.objects += len(listed)
        problems.update(chain_faults(chapter))
        problems.update(await inspect(objects, listed))
        if all(map(manifest_in, chapter.pages)):
            problems.update(_unlisted((key for key in stored if day_in(key) == each), listed))
    problems.update(_unlisted((key for key in stored if day_in(key) is None), ()))
    report.problems = sorted(problems)
    return report


async def _chapter(objects: ObjectStore, day: date, slots: Sequence[Slot]) -> Chapter:
    """Read a day's manifests and those that they name, or that name them."""
    pages = [await read_page(objects, slot) for slot in slots if slot.day == day]
    before = [slot for slot in slots if slot.day < day]
    after = sorted((slot for slot in slots if slot.day > day), key=lambda s: (s.day, -s.number))
    earlier = await read_page(objects, before[-1]) if before else None
    later = await read_page(objects, after[0]) if after else None
    named = {page.slot.key: page for page in (*pages, earlier, later) if page}
    for page in (*pages, later):
        manifest = manifest_in(page)
        slot = Slot.parse(manifest.previous.key) if manifest and manifest.previous else None
        if slot in slots and slot and slot.key not in named:
            named[slot.key] = await read_page(objects, slot)
    return Chapter(day, pages, earlier, later, named)


def _listed(pages: Iterable[Page]) -> list[Entry]:
    """Return every object that any of the manifests lists; what the first says of it counts."""
    listed: dict[str, Entry] = {}
    for page in pages:
        manifest = manifest_in(page)
        for entry in manifest.objects if manifest else ():
            listed.setdefault(entry.key, entry)
    return list(listed.values())


def _unlisted(keys: Iterable[str], listed: Iterable[Entry]) -> set[Problem]:
    names = {entry.key for entry in listed}
    return {Problem(key, "no manifest lists it") for key in keys if key not in names}
