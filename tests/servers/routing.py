"""Where mongos would send a command: to one shard, or to all of them.

There is no sharded cluster to be had for tests, but this much of one can be shown: a command whose
filter has the whole shard key goes to one shard. Importing this module watches every client of this
process that is opened from then on; the fixture `one_shard_each` fails where one was astray.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pymongo import monitoring

from cloud_marketdata.storage.mongo.names import ALL_MARKETS, EVERY_SHARD, INDEXES, SHARD_KEY

Command = Mapping[str, Any]

_WRITES: Final = {"update": ("updates", "q"), "delete": ("deletes", "q")}
_FILTERS: Final = {"find": "filter", "findAndModify": "query", "count": "query"}
_FILTERS_OF_BULK: Final = {"update": "filter", "delete": "filter", "insert": "document"}
_ASKED: Final = {*_WRITES, *_FILTERS, "distinct", "aggregate", "insert", "bulkWrite", "mapReduce"}
_ELSEWHERE: Final = {"$out", "$merge", "$lookup", "$graphLookup", "$unionWith"}
"""Stages that read or write other collections, which not every sharded one can do."""


def astray(name: str, command: Command) -> Iterator[str]:
    """Yield why a command would not go to one shard, or would not be done there.

    Nothing is yielded for a command on a collection that is not sharded, nor for one about every
    market that is said to be one and has a reason.
    """
    if name not in _ASKED:
        return
    if name == "bulkWrite":
        yield from _bulk(command)
        return
    collection = command[name]
    if collection not in INDEXES or _about_all(name, command):
        return
    for wanted in _filters(name, command):
        if not _carries(wanted):
            yield f"{name} {collection}: {sorted(wanted)} is not of one market"
    yield from _changes(name, command)


def _about_all(name: str, command: Command) -> bool:
    """Whether it is one of the few that may go to every shard; its stages stay in that place."""
    told = command.get("comment") == ALL_MARKETS and (name, command[name]) in EVERY_SHARD
    return told and not _stages(command) & _ELSEWHERE


def _filters(name: str, command: Command) -> Iterator[Command]:
    if name in _WRITES:
        writes, wanted = _WRITES[name]
        for write in command[writes]:
            yield write[wanted]
    elif name == "insert":
        yield from command["documents"]
    elif name == "aggregate":
        pipeline = command["pipeline"]
        yield pipeline[0].get("$match", {}) if pipeline else {}
    else:
        yield command.get(_FILTERS.get(name, "query")) or {}


def _changes(name: str, command: Command) -> Iterator[str]:
    """Yield what would move a document to another shard, or write to another collection."""
    for stage in sorted(_stages(command) & _ELSEWHERE):
        yield f"{name} {command[name]}: {stage} leaves the shard"
    for write in command.get("updates", ()):
        yield from (f"update {command[name]}: {why}" for why in _moved(write["q"], write["u"]))


def _moved(wanted: Command, change: object) -> Iterator[str]:
    """Yield the fields of the shard key that a change sets to something else or leaves out."""
    stages = change if isinstance(change, list) else [change]
    for stage in stages:
        replaces = not any(field.startswith("$") for field in stage)
        fields = stage if replaces else {**stage.get("$set", {}), **stage.get("$unset", {})}
        for field in SHARD_KEY:
            if (replaces or field in fields) and fields.get(field) != wanted.get(field):
                yield f"it changes {field}"


def _bulk(command: Command) -> Iterator[str]:
    """Yield what is astray of a bulk write over several collections."""
    names = [info["ns"].partition(".")[2] for info in command["nsInfo"]]
    for each in command["ops"]:
        does = next(name for name in _FILTERS_OF_BULK if name in each)
        collection, wanted = names[each[does]], each[_FILTERS_OF_BULK[does]]
        if collection in INDEXES and not _carries(wanted):
            yield f"bulkWrite {does} {collection}: {sorted(wanted)} is not of one market"


def _stages(command: Command) -> set[str]:
    return {name for stage in command.get("pipeline", ()) for name in stage}


def _carries(wanted: Command) -> bool:
    return all(isinstance(wanted.get(field), str) for field in SHARD_KEY)


class Watch(monitoring.CommandListener):
    """Notes each command on a sharded collection, and those that would go to more than one shard.

    `asked`: all of them. `astray`: (command, why). `everywhere`: those about every market.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Command]] = []
        self.astray: list[tuple[str, Command]] = []
        self.everywhere: list[tuple[str, Command]] = []
        self.why: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """See pymongo.monitoring.CommandListener."""
        name, command = event.command_name, dict(event.command)
        why = list(astray(name, command))
        if why:
            self.why += why
            self.astray.append((name, command))
        if name in _ASKED and command[name] in INDEXES:
            self.asked.append((name, command))
            if command.get("comment") == ALL_MARKETS:
                self.everywhere.append((name, command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """See pymongo.monitoring.CommandListener."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """See pymongo.monitoring.CommandListener."""

    def clear(self) -> None:
        """Forget what was noted."""
        for noted in (self.asked, self.astray, self.everywhere, self.why):
            noted.clear()


WATCH: Final = Watch()
monitoring.register(WATCH)
