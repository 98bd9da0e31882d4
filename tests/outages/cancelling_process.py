"""A process whose questions to MongoDB are cancelled in great number while that is away.

It says `ready`, then `cancelled`, and ends with 0 when MongoDB, come back meanwhile, has answered.
It ends at once, whatever still waits: what is looked for is a lock that nobody will ever release.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from random import Random

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.ports import WarmPart

_PATIENCE_S = 1.0
_AWAY_S = 15.0
_BACK_S = 20.0
_MANY = 60


async def asked(warm: WarmPart) -> None:
    """Ask something small."""
    await warm.instruments.find(Venue.BINANCE_USDM, "BTCUSDT")


async def asking(warm: WarmPart, random: Random) -> None:
    """Ask again and again, with a patience that ends at about the time of the driver's own."""
    while True:
        # What else comes out of the driver then is the fault itself; what follows it is judged.
        with suppress(StorageError, TimeoutError, RuntimeError):
            await asyncio.wait_for(asked(warm), random.uniform(0.95, 1.05) * _PATIENCE_S)


async def busy() -> None:
    """Keep the event loop from running, as a loaded machine does: then timers go off together."""
    while True:
        time.sleep(0.15)  # noqa: ASYNC251  it is what this is for
        await asyncio.sleep(0.01)


async def answered(warm: WarmPart) -> None:
    """Return when it answers."""
    while True:
        try:
            await asked(warm)
        except (StorageError, RuntimeError):
            await asyncio.sleep(0.1)
        else:
            return


async def main(url: str, database: str) -> None:
    """Ask, and end the process."""
    random = Random(7)  # noqa: S311  a seed must repeat
    async with open_mongo(MongoPlan(url, database, _PATIENCE_S)) as mongo:
        await asked(mongo.part)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        works = [asking(mongo.part, random) for _ in range(_MANY)]
        tasks = [asyncio.ensure_future(work) for work in (busy(), *works)]
        await asyncio.sleep(_AWAY_S)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
        sys.stdout.write("cancelled\n")
        sys.stdout.flush()
        last = asyncio.ensure_future(answered(mongo.part))
        done, _ = await asyncio.wait({last}, timeout=_BACK_S)
        os._exit(0 if done else 1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
