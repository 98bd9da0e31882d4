"""A process that appends batches in a loop and reports each one that the log has taken.

Run as `python appending_process.py FOLDER [COUNT]`; prints `position id` lines, endless without a
count. It is killed by the test of durability, and runs twice on one folder in another one.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from contract_samples import batch

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.embedded import open_embedded


async def main(folder: Path, numbers: range | count) -> None:
    async with open_embedded(folder, SystemClock()) as stores:
        for number in numbers:
            (position,) = await stores.log.append([batch(*range(number, number + 3))])
            sys.stdout.write(f"{position} {number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    numbers = range(1, int(sys.argv[2]) + 1) if len(sys.argv) > 2 else count(1)
    asyncio.run(main(Path(sys.argv[1]), numbers))
