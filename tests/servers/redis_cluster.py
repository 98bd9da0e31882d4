"""A Redis Cluster on 127.0.0.1: three masters, each with a replica, and fast elections."""

from pathlib import Path
from typing import Final

from servers.group import Group
from servers.installed import program
from servers.program import HOST, ServerError, free_port, ran, until
from servers.redis import RedisServer

_MASTERS: Final = 3
_REPLICAS: Final = 1
_NODE_TIMEOUT_MS: Final = 1000
"""How long a master may be silent before its replica takes over."""


class RedisCluster(Group):
    """Six nodes that have found each other; `url` is that of the first, any one would do."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [_node(folder, number) for number in range(_MASTERS * (1 + _REPLICAS))]
        self.url = self.nodes[0].url
        super().__init__(self.nodes)

    def found(self) -> None:
        """Start the nodes, make them one cluster, and wait until its replicas follow."""
        for node in self.nodes:
            node.start()
        addresses = [f"{HOST}:{node.port}" for node in self.nodes]
        options = ("--cluster-replicas", _REPLICAS, "--cluster-yes")
        _cli("--cluster", "create", *addresses, *options)
        until(self.agreed)

    def start(self) -> None:
        """Start every node that does not run, and return when all agree."""
        for node in self.nodes:
            node.start()
        until(self.agreed)

    def empty(self) -> None:
        """Remove every key."""
        for node in self.nodes:
            if "role:master" in self._ask(node, "info", "replication"):
                self._ask(node, "flushall")

    def master_of(self, key: str) -> RedisServer:
        """Return the node that answers for the key now."""
        slot = int(self._ask(self._alive(), "cluster", "keyslot", key))
        for line in self._ask(self._alive(), "cluster", "nodes").splitlines():
            _, address, flags, *_, state = line.split()[:8]
            ranges = line.split()[8:]
            if "fail" not in flags and state == "connected" and _within(slot, ranges):
                return self._at(address)
        message = f"no node answers for {key!r} (slot {slot})"
        raise ServerError(message)

    def agreed(self) -> None:
        """Raise unless every living node sees a whole cluster and every replica its master."""
        for node in self.nodes:
            if not node.running:
                continue
            state = self._ask(node, "cluster", "info")
            replication = self._ask(node, "info", "replication")
            if "cluster_state:ok" not in state or "master_link_status:down" in replication:
                message = f"{node.name} is not ready\n{state}\n{replication}"
                raise ServerError(message)

    def _alive(self) -> RedisServer:
        return next(node for node in self.nodes if node.running)

    def _at(self, address: str) -> RedisServer:
        port = int(address.partition("@")[0].rpartition(":")[2])
        return next(node for node in self.nodes if node.port == port)

    def _ask(self, node: RedisServer, *words: str) -> str:
        return _cli("-h", HOST, "-p", node.port, *words)


def _node(folder: Path, number: int) -> RedisServer:
    # The port on which nodes talk is named, because the usual one, 10000 above, may be taken.
    options = ("--cluster-enabled", "yes", "--cluster-port", free_port())
    # A replica that comes back is not made to wait five seconds for others.
    fast = ("--cluster-node-timeout", _NODE_TIMEOUT_MS, "--repl-diskless-sync-delay", 0)
    return RedisServer(folder / str(number), *options, *fast, name=f"redis-{number}")


def _within(slot: int, ranges: list[str]) -> bool:
    bounds = (one.partition("-") for one in ranges if not one.startswith("["))
    return any(int(first) <= slot <= int(last or first) for first, _, last in bounds)


def _cli(*words: object) -> str:
    return ran(program("redis-cli"), *words)
