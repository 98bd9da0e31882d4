"""`marketdata backup` and `marketdata restore`: a copy of the embedded stores, and a folder of it.

Exit 0 only where the copy is whole and nothing in it is wrong, 2 for bad input and for a backup
that is damaged, 1 for a store or a disk that refuses, and where the cold tier has faults already.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from cyclopts import App

from cloud_marketdata.cli.voice import note, say, say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import load
from cloud_marketdata.core.logs import configure
from cloud_marketdata.domain.values import NS_PER_S


def register(app: App) -> None:
    """Add the commands."""
    app.command(backup)
    app.command(restore)


def backup(
    target: Path,
    /,
    *,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> int:
    """Copy the embedded stores into a new folder, while the service runs or while it does not.

    Args:
        target: the folder to make; nothing may have that name yet.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of the service.
    """
    from cloud_marketdata.storage.backups import make_backup  # noqa: PLC0415  pays for the stores

    settings = load(config, **({} if data_dir is None else {"data_dir": data_dir}))
    configure("warning")
    made = uvloop.run(make_backup(settings, target.absolute(), SystemClock()))
    _tell("backup", target, made, json=json)
    for fault in made.faults:
        note(f"cold tier: {fault}; see marketdata verify")
    return 1 if made.faults else 0


def restore(
    source: Path,
    /,
    *,
    data_dir: Path,
    json: bool = False,
) -> None:
    """Make a new data folder of a backup, every byte of which is checked first.

    Args:
        source: the folder that `marketdata backup` made.
        data_dir: the folder to make; it is missing or empty.
        json: print one JSON document.
    """
    from cloud_marketdata.storage.backups import restore_backup  # noqa: PLC0415  as above

    configure("warning")
    _tell("restored", data_dir, restore_backup(source, data_dir.absolute()), json=json)


def _tell(what: str, folder: Path, of: Any, *, json: bool) -> None:  # noqa: ANN401  both results
    if json:
        said = msgspec.structs.asdict(of.head)
        say_json({what: str(folder), "files": of.files, "bytes": of.bytes, **said})
        return
    at = datetime.fromtimestamp(of.head.made_at // NS_PER_S, UTC).isoformat()
    say(f"{what}: {folder} ({of.files} files, {of.bytes} bytes), as of {at}")
    if of.head.cold == "elsewhere":
        say("the cold tier is a bucket, and not inside")
