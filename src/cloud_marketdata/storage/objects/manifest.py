"""What a day's manifest says: every object of the day in all markets, hashed and chained. Pure.

Manifests are as immutable as what they list, and some objects come late (an S3 that was away, late
trades). So a day has numbered manifests: each lists all that the one before it lists, names that
one's hash, and adds to it. The last manifest of a day names the last one of the newest earlier day
that has any: not of the calendar's day before, which has none where the service was down. A
manifest that comes late therefore makes a further one necessary in every later day (`chain` writes
them). So whoever changes or removes a manifest contradicts a later one, down to the newest manifest
of all; and who keeps that one's hash elsewhere has everything before it proven.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple, Self

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.keys import day_in

FOLDER: Final = "manifests/v1/"
_FORMAT: Final = 1
_KEY: Final = re.compile(r"manifests/v1/date=(\d{4}-\d\d-\d\d)/manifest\.(\d{6})\.json", re.ASCII)


class Entry(msgspec.Struct, frozen=True):
    """An object: its key, its bytes by number and SHA-256, and the hash of its content."""

    key: str
    size: int
    sha256: str
    content: str


class Link(msgspec.Struct, frozen=True):
    """Another manifest, and the SHA-256 of its bytes."""

    key: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One manifest; `before` is the one it replaces, `previous` the one of the earlier day.

    seal: SHA-256 of all the rest, so that damage is told from a manifest that was exchanged.
    """

    format: int
    date: date
    number: int
    before: Link | None
    previous: Link | None
    objects: tuple[Entry, ...]
    seal: str = ""


class Slot(NamedTuple):
    """The day and the number of a manifest; slots sort as they follow each other."""

    day: date
    number: int

    @property
    def key(self) -> str:
        """Key of the manifest."""
        return f"{FOLDER}date={self.day.isoformat()}/manifest.{self.number:06d}.json"

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Return the slot that a key names, or None where it names none."""
        found = _KEY.fullmatch(key)
        try:
            return cls(date.fromisoformat(found[1]), int(found[2])) if found else None
        except ValueError:
            return None


class Page(NamedTuple):
    """A manifest as it lies in the store."""

    slot: Slot
    data: bytes

    @property
    def link(self) -> Link:
        """How other manifests name it."""
        return Link(self.slot.key, hashlib.sha256(self.data).hexdigest())


def write(manifest: Manifest) -> bytes:
    """Encode a manifest and seal it; equal ones give equal bytes."""
    bare = msgspec.json.encode(msgspec.structs.replace(manifest, seal=""))
    seal = hashlib.sha256(bare).hexdigest()
    sealed = msgspec.json.encode(msgspec.structs.replace(manifest, seal=seal))
    return msgspec.json.format(sealed, indent=1) + b"\n"


def read(page: Page) -> Manifest:
    """Decode a manifest; raises StorageError where it is damaged or is not the one of its key."""
    try:
        manifest = msgspec.json.decode(page.data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{page.slot.key}: it is damaged: {error}"
        raise StorageError(msg) from error
    if write(manifest) != page.data:
        msg = f"{page.slot.key}: it is damaged: its seal is broken"
        raise StorageError(msg)
    if (manifest.format, manifest.date, manifest.number) != (_FORMAT, *page.slot):
        msg = f"{page.slot.key}: it is another manifest, of {manifest.date} {manifest.number}"
        raise StorageError(msg)
    return manifest


def successor(
    day: date, newest: Page | None, previous: Page | None, entries: Iterable[Entry]
) -> Page | None:
    """Return the manifest to write next in a day, or None where `newest` says it all.

    newest: the day's last manifest. previous: the last one of the newest earlier day. A link only
    moves on to a later manifest: one whose bytes changed keeps contradicting its old hash. Raises
    StorageError where an object is not what the manifest says of it, ValueError where one is of
    another day.
    """
    said = read(newest) if newest else None
    objects = _united(day, said.objects if said else (), entries)
    link = _later(said.previous if said else None, previous)
    if said and (objects, link) == (said.objects, said.previous):
        return None
    slot = Slot(day, said.number + 1 if said else 1)
    before = newest.link if newest else None
    return Page(slot, write(Manifest(_FORMAT, *slot, before, link, objects)))


def _united(day: date, listed: Iterable[Entry], entries: Iterable[Entry]) -> tuple[Entry, ...]:
    united = {entry.key: entry for entry in listed}
    for entry in entries:
        if day_in(entry.key) != day:
            msg = f"{entry.key} is no object of {day}"
            raise ValueError(msg)
        if united.setdefault(entry.key, entry) != entry:
            msg = f"{entry.key} is not what the manifest says of it"
            raise StorageError(msg)
    return tuple(united[key] for key in sorted(united))


def _later(link: Link | None, page: Page | None) -> Link | None:
    if not page:
        return link
    slot = Slot.parse(link.key) if link else None
    return page.link if slot is None or slot < page.slot else link
