"""Opens a journal's folder, and a log over it with the task that drains it."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import structlog

from cloud_marketdata.core.beside import beside
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.embedded.ownership import owned
from cloud_marketdata.storage.journal.drain import Disk, Drain, Patience
from cloud_marketdata.storage.journal.file import Journal
from cloud_marketdata.storage.journal.log import JournaledLog, RemoteLog


@asynccontextmanager
async def open_journal(folder: Path, most_bytes: int) -> AsyncIterator[Disk]:
    """Open or create the journal of a folder, which nobody else may use meanwhile.

    Raises BadRequestError where another process does, and StorageError where the folder cannot be
    used or a file in it is damaged.
    """
    with owned(folder, "journal"), ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
        disk = Disk(await asyncio.to_thread(Journal, folder, most_bytes), thread)
        if disk.journal.torn:
            structlog.get_logger().warning("journal.torn", bytes=disk.journal.torn)
        try:
            yield disk
        finally:
            await _synced(disk)


async def _synced(disk: Disk) -> None:
    try:
        await disk(disk.journal.sync)
    except StorageError as error:
        structlog.get_logger().error("journal.not_synced", error=str(error))


@asynccontextmanager
async def journaled(
    remote: RemoteLog, disk: Disk, clock: Clock, random: Random, *, patience_s: float
) -> AsyncIterator[JournaledLog]:
    """Yield the log that journals what `remote` does not take within `patience_s`.

    Leaving the context ends the draining; what waits is drained after the next start.
    """
    writing = Patience(remote, patience_s)
    drain = Drain(disk, writing, clock, random)
    log = JournaledLog(remote, writing, drain, clock, random)
    async with beside(drain.run()):
        yield log
