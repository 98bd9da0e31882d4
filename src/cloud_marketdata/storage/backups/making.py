"""Makes a backup of an embedded deployment while its service runs, or while it does not.

First both databases as they are at one instant, then the cold tier, which holds at least what they
have let go of by then, and then what only grows. What belongs to a running process is left out:
locks, the journal, the name under which a collector holds its leases.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cloud_marketdata import __version__
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import BadRequestError, SettingsError, StorageError
from cloud_marketdata.storage.backups import cold
from cloud_marketdata.storage.backups.files import (
    appearing,
    copied,
    described,
    extend_lines,
    opened_anew,
)
from cloud_marketdata.storage.backups.manifest import FORMAT, NAME, File, Head, ManifestWriter
from cloud_marketdata.storage.embedded.snapshot import (
    HOT_NAME,
    WARM_NAME,
    copy_database,
    frozen_pair,
)
from cloud_marketdata.storage.objects.manifest import Slot

_SECRETS: Final = ("keys.pepper", "audit.key")
_AUDIT: Final = "audit"
_COLD: Final = "cold"


class Made(NamedTuple):
    """A backup that is there: its head, how much it holds, and what is wrong in the cold tier."""

    head: Head
    files: int
    bytes: int
    faults: list[str]


async def make_backup(settings: Settings, target: Path, clock: Clock) -> Made:
    """Copy the deployment's data folder into `target`, which appears when it is whole.

    Raises SettingsError where a tier is no file, BadRequestError where there is nothing to copy or
    something of that name, StorageError where a store or the disk refuses.
    """
    _check(settings)
    _check_place(target)
    try:
        with appearing(target) as draft:
            return await _Backup(settings, draft, clock).make()
    except OSError as error:
        msg = f"backup: {error.filename or target}: {error.strerror or error}"
        raise StorageError(msg) from error


class _Backup:
    """One backup on its way into `draft`."""

    def __init__(self, settings: Settings, draft: Path, clock: Clock) -> None:
        self.faults: list[str] = []
        self._data = settings.data_dir
        self._cold_is_here = settings.s3_bucket is None
        self._draft = draft
        self._clock = clock

    async def make(self) -> Made:
        self._copy_audit()
        with frozen_pair(self._data) as pair:
            head = Head(
                format=FORMAT,
                made_at=self._clock.now(),
                program=__version__,
                hot=pair.hot_version,
                warm=pair.warm_version,
                position=pair.position,
                cold="inside" if self._cold_is_here else "elsewhere",
            )
            copy_database(pair.hot, self._draft / HOT_NAME)
            copy_database(pair.warm, self._draft / WARM_NAME)
        with opened_anew(self._draft / NAME) as file:
            manifest = ManifestWriter(file, head)
            for name in (HOT_NAME, WARM_NAME):
                manifest.add(described(self._draft, name))
            await self._copy_cold(manifest)
            # Again, because anchors in the cold tier vouch for what was written meanwhile.
            for path in self._copy_audit():
                manifest.add(described(self._draft, path))
            for name in _SECRETS:
                if (self._data / name).is_file():
                    manifest.add(copied(self._data / name, self._draft, name))
            manifest.seal()
        return Made(head, manifest.files, manifest.bytes, self.faults)

    def _copy_audit(self) -> list[str]:
        """Copy every line of the audit log that is not copied yet; return all files there are."""
        for source in (self._data / _AUDIT).rglob("*.jsonl"):
            extend_lines(source, self._draft / source.relative_to(self._data))
        found = (self._draft / _AUDIT).rglob("*.jsonl")
        return sorted(path.relative_to(self._draft).as_posix() for path in found)

    async def _copy_cold(self, manifest: ManifestWriter) -> None:
        folder = self._data / _COLD
        if not self._cold_is_here or not folder.is_dir():
            return
        slots = await cold.settled_slots(folder, self._clock)
        for file in self._objects(folder, slots):
            manifest.add(file)
        for key in (*(slot.key for slot in slots), *cold.beside(folder)):
            manifest.add(copied(folder / key, self._draft, f"{_COLD}/{key}"))

    def _objects(self, folder: Path, slots: list[Slot]) -> Iterator[File]:
        """Copy what the manifests list, and note where it is not what they say."""
        for entry in cold.listed(folder, slots, self.faults):
            try:
                file = copied(folder / entry.key, self._draft, f"{_COLD}/{entry.key}")
            except FileNotFoundError:
                self.faults.append(f"{entry.key}: it is missing")
                continue
            if (file.size, file.sha256) != (entry.size, entry.sha256):
                self.faults.append(f"{entry.key}: it is not what its manifest says of it")
            yield file


def _check_place(target: Path) -> None:
    if target.exists() or target.is_symlink():
        msg = f"{target} is there already; a backup overwrites nothing"
        raise BadRequestError(msg)


def _check(settings: Settings) -> None:
    """Refuse a deployment of which a copy of this folder would be a part that fits no other."""
    if settings.storage == "memory":
        msg = "backup: stores in memory leave nothing to copy"
        raise SettingsError(msg)
    servers = {"redis_url": settings.redis_url, "mongodb_url": settings.mongodb_url}
    for name, elsewhere in servers.items():
        if elsewhere is not None:
            msg = (
                f"backup: {name} is set, so a tier is not in this folder, and a copy of the other "
                "would not fit it; see docs/operating.md for backups of servers"
            )
            raise SettingsError(msg)
