"""Opens the warm tier watched: at the end no command may have gone to more than one shard."""

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from cloud_marketdata.storage.mongo import MongoPlan, MongoWarm, open_mongo
from servers.routing import WATCH


@asynccontextmanager
async def watched(url: str, database: str, timeout_s: float = 5.0) -> AsyncIterator[MongoWarm]:
    """Open the warm tier; at the end nothing may have gone to more than one shard unasked."""
    WATCH.clear()
    async with open_mongo(MongoPlan(url, database, timeout_s)) as warm:
        yield warm
    assert WATCH.why == []


def dropped_sockets() -> Iterator[None]:
    """Be a fixture that collects, without a warning, what the driver drops without its server.

    A client that is closed while its monitor connects forgets to close the monitor's socket.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
