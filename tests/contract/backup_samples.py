"""A deployment that holds something of everything, and backups of it."""

import os
import time
from datetime import date
from pathlib import Path

from cold_samples import DAY, closed, spread
from contract_samples import BTC, ETH, aggregate, batch, view

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.storage.backups import make_backup
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.objects.chain import write_manifest
from cloud_marketdata.storage.objects.days import save_bars, save_day
from cloud_marketdata.storage.objects.store import folder_objects

CLOCK = SystemClock()
FIRST_DAY, SECOND_DAY = date(1970, 1, 2), date(1970, 1, 3)


def settings(folder: Path, **more: object) -> Settings:
    return Settings(data_dir=folder, **more)


def aged(cold: Path) -> None:
    """Have the cold tier look as if no day had been archived for an hour."""
    then = time.time() - 3600  # noqa: TID251  files are dated by the machine's own clock
    for path in cold.rglob("*"):
        os.utime(path, (then, then))


async def archived(folder: Path, *days: date) -> None:
    """Put days of two markets into the cold tier, listed."""
    objects = folder_objects(folder / "cold")
    for day in days:
        start = (day - date(1970, 1, 1)).days * DAY
        entries = []
        for instrument in (BTC, ETH):
            made = closed(spread(20, start=start, instrument=instrument), start)
            entries += [
                await save_day(objects, made.day),
                await save_bars(objects, made.day, made.parts),
            ]
        await write_manifest(objects, day, entries)
    aged(folder / "cold")


async def filled(folder: Path) -> Path:
    """Make a deployment that holds something of everything."""
    async with open_embedded(folder, CLOCK) as stores:
        (position,) = await stores.log.append([batch(1, 2, 3)])
        await stores.aggregates.save([aggregate(0, position=position)], fence=5)
        await stores.books.publish([view(BTC, 9, (1, 2), asks=((3, 4),))])
        await stores.instruments.save([BTC])
        await stores.members.beat("process", "me", 600)
        assert await stores.leases.acquire("worker", "me", 600)
    await archived(folder, FIRST_DAY, SECOND_DAY)
    (folder / "keys.pepper").write_text("ab" * 32 + "\n")
    (folder / "audit.key").write_text("cd" * 32 + "\n")
    home = folder / "audit" / "all-here-1-1-abcdef"
    home.mkdir(parents=True)
    (home / "0000000000000001.jsonl").write_text('{"seq": 1}\n{"seq": 2}\n{"seq"')
    (home / "lock").touch()
    (folder / "collector.id").write_text("a name that only one process may have")
    (folder / "collect.lock").touch()
    return folder


async def backed_up(tmp_path: Path) -> Path:
    await make_backup(settings(await filled(tmp_path / "data")), tmp_path / "backup", CLOCK)
    return tmp_path / "backup"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
