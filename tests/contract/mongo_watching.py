"""Watches what goes to MongoDB: a command on a sharded collection names the shard key, or is noted.

There is no sharded cluster to be had for tests, but this much of one can be shown: a command whose
filter carries the shard key goes to one shard. Importing this module watches every client that is
opened from then on.
"""

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

from pymongo import monitoring

from cloud_marketdata.storage.mongo import MongoPlan, MongoWarm, open_mongo
from cloud_marketdata.storage.mongo.names import ALL_MARKETS, INDEXES, SHARD_KEY

Command = dict[str, Any]

_QUESTIONS: Final = {"find", "update", "delete", "aggregate", "findAndModify", "count", "distinct"}
_PARTS: Final = {"update": ("updates", "q"), "delete": ("deletes", "q")}
_FILTERS: Final = {"find": "filter"}


class Watch(monitoring.CommandListener):
    """Notes each command on a sharded collection, and those that would go to every shard."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Command]] = []
        self.astray: list[tuple[str, Command]] = []
        self.everywhere: list[tuple[str, Command]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """See pymongo.monitoring.CommandListener."""
        name, command = event.command_name, dict(event.command)
        if name not in _QUESTIONS or command[name] not in INDEXES:
            return
        self.asked.append((name, command))
        if command.get("comment") == ALL_MARKETS:
            self.everywhere.append((name, command))
        elif not all(map(_carries, _filters(name, command))):
            self.astray.append((name, command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """See pymongo.monitoring.CommandListener."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """See pymongo.monitoring.CommandListener."""

    def clear(self) -> None:
        """Forget what was noted."""
        self.asked.clear()
        self.astray.clear()
        self.everywhere.clear()


WATCH: Final = Watch()
monitoring.register(WATCH)


@asynccontextmanager
async def watched(url: str, database: str, timeout_s: float = 5.0) -> AsyncIterator[MongoWarm]:
    """Open the warm tier; at the end nothing may have gone to more than one shard unasked."""
    WATCH.clear()
    async with open_mongo(MongoPlan(url, database, timeout_s)) as warm:
        yield warm
    assert WATCH.astray == []


def dropped_sockets() -> Iterator[None]:
    """Be a fixture that collects, without a warning, what the driver drops without its server.

    A client that is closed while its monitor connects forgets to close the monitor's socket.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _filters(name: str, command: Command) -> Iterator[Command]:
    if name in _PARTS:
        writes, query = _PARTS[name]
        for write in command[writes]:
            yield write[query]
    elif name == "aggregate":
        yield command["pipeline"][0].get("$match", {})
    else:
        yield command.get(_FILTERS.get(name, "query"), {})


def _carries(wanted: Command) -> bool:
    return all(isinstance(wanted.get(field), str) for field in SHARD_KEY)
