"""A process that records audit events in a loop and reports how many are surely on the disk.

Run as `python audit_writing_process.py FOLDER`; prints the number of the newest line that the disk
has, and what it has recorded, without an end. The test of durability kills it.
"""

import asyncio
import sys
from pathlib import Path
from random import Random

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.storage.objects.store import folder_objects


async def main(folder: Path) -> None:
    """Record until killed, some hundred events at a time."""
    settings = Settings(data_dir=folder, audit_segment_mb=1, audit_anchor_s=0.1)
    objects = folder_objects(folder / "cold")
    log = AuditLog(settings, objects, SystemClock(), Random(1))  # noqa: S311  for delays alone
    async with asyncio.TaskGroup() as group:
        group.create_task(log.run())
        recorded = 0
        while True:
            for _ in range(300):
                recorded += 1
                params = {"n": str(recorded)}
                log.record(AuditEvent("market.trades", "rest", "ok", params=params, agent="x" * 99))
            await asyncio.sleep(0.002)
            detail = (await log.pulse()).detail
            if detail["writer"]:
                sys.stdout.write(f"{detail['writer']} {detail['line']}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
