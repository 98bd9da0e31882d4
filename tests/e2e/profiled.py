"""What a real mongod was asked, by its own profiler: every command of every process."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final

import pymongo
from pymongo.database import Database

from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from servers.routing import Command, astray

_SIZE: Final = 64 << 20
_WRITES: Final = {"update": ("updates", "update"), "remove": ("deletes", "delete")}
_WANTED: Final = re.compile(r"\{ q: \{ (.*?) \}, ")
_FIELD: Final = re.compile(r'(\w+): "([^"]*)"')
Entry = dict[str, Any]


def profile(url: str, name: str) -> None:
    """Prepare a database as a first process does, and have all noted that is asked of it then."""
    asyncio.run(_prepared(url, name))
    with pymongo.MongoClient(url) as client:
        client[name].create_collection("system.profile", capped=True, size=_SIZE)
        client[name].command("profile", 2)


def asked(database: Database[Any]) -> Iterator[tuple[str, Command]]:
    """Yield name and command of what the service asked of the collections of a database."""
    database.command("profile", 0)
    for entry in database["system.profile"].find({"appName": "marketdata"}):
        found = _command(entry)
        if found:
            yield found


def led_astray(database: Database[Any]) -> tuple[set[tuple[str, str]], list[str]]:
    """Return which kinds of commands there were, by collection, and what was wrong with any."""
    kinds, wrong = set(), []
    for name, command in asked(database):
        kinds.add((name, command[name]))
        wrong += astray(name, command)
    return kinds, wrong


def _command(entry: Entry) -> tuple[str, Command] | None:
    """Return a command as a driver sends it, of how the profiler tells it."""
    collection, told = entry["ns"].partition(".")[2], entry["command"]
    if entry["op"] in _WRITES:
        statements, name = _WRITES[entry["op"]]
        return name, {name: collection, statements: [_statement(told)]}
    if entry["op"] == "getmore":
        return None
    name = next(iter(told))
    return name, told


def _statement(told: Command) -> Command:
    """Return an update or a deletion; of a long one the profiler tells the beginning as text."""
    if "$truncated" not in told:
        return told
    wanted = _WANTED.match(told["$truncated"])
    return {"q": dict(_FIELD.findall(wanted[1])), "u": []}


async def _prepared(url: str, name: str) -> None:
    async with open_mongo(MongoPlan(url, name, 5.0)):
        pass
