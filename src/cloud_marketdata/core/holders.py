"""What a process is called where it holds leases, so that no other one is taken for it."""

from random import Random
from socket import gethostname
from typing import Final

from cloud_marketdata.core.config import Settings

_OF_THE_FOLDER: Final = "the process of this folder"


def worker_name(settings: Settings, random: Random) -> str:
    """Name a process that works on markets.

    A data folder has one such process, which its lock sees to; after a crash it need not wait for
    what its dead self still holds.
    """
    here = settings.storage == "embedded" and settings.redis_url is None
    return _OF_THE_FOLDER if here else f"{gethostname()} {random.getrandbits(64):016x}"


def collector_name(settings: Settings, random: Random) -> str:
    """Name a process that collects, and by the same name after a restart.

    The name lies in the data folder, whose journal is one collector's own, again by a lock.
    """
    if settings.redis_url is None:
        return worker_name(settings, random)
    path = settings.data_dir / "collector.id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{gethostname()} {random.getrandbits(64):016x}")
    return path.read_text()
