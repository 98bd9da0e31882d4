"""Makes a data folder of a backup: every byte is hashed before the folder has its name.

A folder that holds anything is refused, and so are a backup that is damaged, with the file's name,
and one of a newer schema than this program's.
"""

from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from cloud_marketdata.core.errors import BadRequestError, StorageError
from cloud_marketdata.storage.backups.files import appearing, copied
from cloud_marketdata.storage.backups.manifest import FORMAT, File, Head, read_files, read_head
from cloud_marketdata.storage.embedded.reborn import begin_anew
from cloud_marketdata.storage.embedded.schema import HOT, WARM, Schema, why_unreadable
from cloud_marketdata.storage.embedded.snapshot import HOT_NAME, WARM_NAME

_TOPS: Final = frozenset((HOT_NAME, WARM_NAME, "cold", "audit", "keys.pepper", "audit.key"))
"""What may lie at the top of a backup."""


class Restored(NamedTuple):
    """A folder that is there: what its backup said, and how much it holds."""

    head: Head
    files: int
    bytes: int


def restore_backup(source: Path, target: Path) -> Restored:
    """Make `target`, which is missing or empty, of the backup in `source`.

    Raises BadRequestError where the backup or the folder will not do, StorageError where the disk
    refuses; `target` is then as it was.
    """
    head = read_head(source)
    _check(head)
    if target.is_symlink() or (target.exists() and not _is_empty(target)):
        msg = f"{target} is not an empty folder; a restore overwrites nothing"
        raise BadRequestError(msg)
    files = size = 0
    try:
        with appearing(target) as draft:
            for file in read_files(source):
                _take(source, draft, file)
                files, size = files + 1, size + file.size
            begin_anew(draft)
    except OSError as error:
        msg = f"restore: {error.filename or target}: {error.strerror or error}"
        raise StorageError(msg) from error
    return Restored(head, files, size)


def _check(head: Head) -> None:
    if head.format != FORMAT:
        msg = f"the backup is of format {head.format}, and this program reads {FORMAT}"
        raise BadRequestError(msg)
    named: tuple[tuple[str, Schema, int], ...] = (
        (HOT_NAME, HOT, head.hot),
        (WARM_NAME, WARM, head.warm),
    )
    for name, schema, version in named:
        if why := why_unreadable(schema, version):
            msg = f"the backup was made by version {head.program}: {name}: {why}"
            raise BadRequestError(msg)


def _take(source: Path, draft: Path, file: File) -> None:
    """Copy a file, and refuse it where it is not the one that was backed up."""
    path = PurePosixPath(file.path)
    if ".." in path.parts or path.is_absolute() or path.parts[0] not in _TOPS:
        msg = f"the backup names {file.path}, which is no place in a data folder"
        raise BadRequestError(msg)
    try:
        found = copied(source / path, draft, file.path)
    except FileNotFoundError as error:
        msg = f"{file.path} is missing in the backup"
        raise BadRequestError(msg) from error
    if found != file:
        msg = f"{file.path} is damaged: its bytes are not those that were backed up"
        raise BadRequestError(msg)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
