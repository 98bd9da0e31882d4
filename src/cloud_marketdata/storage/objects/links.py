"""Checks the chain of manifests around one day: what is missing, exchanged or left out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.manifest import (
    FOLDER,
    Link,
    Manifest,
    Page,
    Slot,
    read,
)


class Problem(Struct, frozen=True, order=True):
    """What is wrong with which key."""

    key: str
    what: str


class Chapter(NamedTuple):
    """One day's manifests in their order, and what they are held against.

    earlier: last manifest of the newest earlier day. later: last one of the next day that has any.
    named: all manifests that are there and that any of these names, by key.
    """

    day: date
    pages: Sequence[Page]
    earlier: Page | None
    later: Page | None
    named: Mapping[str, Page]


def chain_faults(chapter: Chapter) -> Iterator[Problem]:
    """Yield what is wrong with a day's manifests, its links to the day before, and those to it."""
    if not chapter.pages:
        yield Problem(f"{FOLDER}date={chapter.day}/", "there is no manifest of this day")
    yield from _missing_numbers(chapter)
    for page in chapter.pages:
        yield from _page_faults(chapter, page)
    for older, newer in pairwise(chapter.pages):
        yield from _successor_faults(older, newer)
    later = manifest_in(chapter.later)
    if chapter.later and later:
        last = chapter.pages[-1] if chapter.pages else None
        yield from _link_faults(chapter, chapter.later.slot, later.previous, last)


def manifest_in(page: Page | None) -> Manifest | None:
    """Return what a manifest says, or None where there is none to be read."""
    try:
        return read(page) if page else None
    except StorageError:
        return None


def _missing_numbers(chapter: Chapter) -> Iterator[Problem]:
    numbers = {page.slot.number for page in chapter.pages}
    for number in sorted(set(range(1, max(numbers, default=0))) - numbers):
        yield Problem(Slot(chapter.day, number).key, "it is missing, and there are later ones")


def _page_faults(chapter: Chapter, page: Page) -> Iterator[Problem]:
    try:
        manifest = read(page)
    except StorageError as error:
        yield Problem(page.slot.key, str(error).removeprefix(f"{page.slot.key}: "))
        return
    last = page is chapter.pages[-1]
    expected = chapter.earlier if last else None
    yield from _link_faults(chapter, page.slot, manifest.previous, expected)


def _successor_faults(older: Page, newer: Page) -> Iterator[Problem]:
    before, after = manifest_in(older), manifest_in(newer)
    if after and newer.slot.number == older.slot.number + 1 and after.before != older.link:
        yield Problem(older.slot.key, f"it is not what {newer.slot.key} says of it")
    if before and after:
        for entry in before.objects:
            if entry not in after.objects:
                yield Problem(entry.key, f"{newer.slot.key} does not say the same of it")


def _link_faults(
    chapter: Chapter, namer: Slot, link: Link | None, expected: Page | None
) -> Iterator[Problem]:
    if link:
        slot = Slot.parse(link.key)
        page = chapter.named.get(link.key)
        if slot is None or slot.day >= namer.day:
            yield Problem(
                namer.key, f"{link.key}, which it names, is no manifest of an earlier day"
            )
            return
        if page is None:
            yield Problem(link.key, f"it is missing, and {namer.key} names it")
            return
        if page.link != link:
            yield Problem(link.key, f"it is not what {namer.key} says of it")
    if expected and (link is None or link.key != expected.slot.key):
        yield Problem(expected.slot.key, f"{namer.key} does not name it")
