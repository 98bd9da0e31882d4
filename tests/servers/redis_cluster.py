"""A Redis Cluster on 127.0.0.1: three masters, each with a replica, and fast elections."""

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from servers.installed import program
from servers.program import HOST, ServerError, free_port, until
from servers.redis import RedisServer

_MASTERS: Final = 3
_NODE_TIMEOUT_MS: Final = 1000
"""How long a master may be silent before its replica takes over."""


class RedisCluster:
    """Six nodes that have found each other; `url` is that of the first, any one would do."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [_node(folder, number) for number in range(2 * _MASTERS)]
        self.url = self.nodes[0].url
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            for node in self.nodes:
                begun.enter_context(node)
            self._found()
            until(self.agreed)
            self._open = begun.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

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

    def _found(self) -> None:
        addresses = [f"{HOST}:{node.port}" for node in self.nodes]
        options = ("--cluster-replicas", "1", "--cluster-yes")
        _cli("--cluster", "create", *addresses, *options)

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
    command = [program("redis-cli"), *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if run.returncode:
        message = f"redis-cli {words}: {run.stdout[-500:]}{run.stderr[-500:]}"
        raise ServerError(message)
    return run.stdout
