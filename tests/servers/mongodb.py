"""MongoDB replica sets on 127.0.0.1: of one node, or of three that elect a new primary fast."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from servers.group import Group
from servers.installed import mongod
from servers.program import HOST, Program, ServerError, free_port, until

_NAME: Final = "rs0"
_ELECTIONS: Final = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
# Small caches and logs, deleted documents gone in a second instead of a minute, no diagnostics.
_SMALL: Final = (
    ("--wiredTigerCacheSizeGB", "0.25"),
    ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"),
    ("--oplogSize", "64"),
    ("--setParameter", "ttlMonitorSleepSecs=1"),
    ("--setParameter", "diagnosticDataCollectionEnabled=false"),
)


class MongoServer(Program):
    """One `mongod` that belongs to a replica set, founded or not."""

    def __init__(self, folder: Path, *options: object, name: str = "mongod") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        place = ("--dbpath", folder, "--bind_ip", HOST, "--port", self.port, "--nounixsocket")
        small = (word for option in _SMALL for word in option)
        command = (mongod(), *place, "--replSet", _NAME, *small, *options)
        super().__init__(name, folder, command, self.hello)

    def hello(self) -> Mapping[str, object]:
        """Ask the node itself what it is."""
        with self.client() as client:
            return client.admin.command("hello")

    def client(self) -> MongoClient:
        """Return a client of this node alone, whatever the set looks like."""
        return MongoClient(self.address, directConnection=True, serverSelectionTimeoutMS=500)


class MongoSet(Group):
    """A replica set that has a primary; `url` names all its nodes."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        names = [f"mongod-{number}" for number in range(nodes)]
        self.nodes = [MongoServer(folder / name, name=name) for name in names]
        addresses = ",".join(node.address for node in self.nodes)
        self.url = f"mongodb://{addresses}/?replicaSet={_NAME}"
        super().__init__(self.nodes)

    def found(self) -> None:
        """Start the nodes, make them one set, and wait for its primary."""
        for node in self.nodes:
            node.start()
        members = [{"_id": at, "host": node.address} for at, node in enumerate(self.nodes)]
        with self.nodes[0].client() as client:
            plan = {"_id": _NAME, "members": members, "settings": _ELECTIONS}
            client.admin.command("replSetInitiate", plan)
        until(self.agreed)

    def start(self) -> None:
        """Start every node that does not run, and return when all agree on a primary."""
        for node in self.nodes:
            node.start()
        until(self.agreed)

    def drop(self, database: str) -> None:
        """Remove a database."""
        with self.primary().client() as client:
            client.drop_database(database)

    def primary(self) -> MongoServer:
        """Return the node that takes writes now; ServerError while there is none."""
        for node in self.nodes:
            try:
                if node.running and node.hello()["isWritablePrimary"]:
                    return node
            except PyMongoError:
                continue
        message = "the replica set has no primary"
        raise ServerError(message)

    def agreed(self) -> None:
        """Raise unless there is a primary and every other living node follows it."""
        primary = self.primary()
        for node in self.nodes:
            if node.running and node is not primary and not node.hello()["secondary"]:
                message = f"{node.name} does not follow"
                raise ServerError(message)
