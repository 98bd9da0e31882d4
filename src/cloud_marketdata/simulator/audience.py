"""The clients of one venue that are connected now, in the order they came."""

from collections.abc import Iterator

from cloud_marketdata.simulator.connection import Connection


class Audience:
    """Who is there; every connection gets the next number, and numbers are never used again.

    overrun: how many were cut because too many late frames waited for them.
    """

    def __init__(self) -> None:
        self._present: dict[Connection, None] = {}
        self._arrived = 0
        self.overrun = 0

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._present))

    def enter(self, connection: Connection, now: float) -> None:
        """Let a connection in."""
        self._arrived += 1
        connection.number, connection.since = self._arrived, now
        self._present[connection] = None

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection in self._present:
            del self._present[connection]
            self.overrun += connection.overrun

    def means(self, client: str, connection: Connection) -> bool:
        """Whether `client` (a number, oldest, newest, or "" for anybody) is this connection.

        A half-open connection is no longer the oldest or newest of anything.
        """
        if client in ("", str(connection.number)):
            return True
        if client.isdigit():
            return False
        hearing = [present for present in self._present if not present.deaf]
        return bool(hearing) and hearing[0 if client == "oldest" else -1] is connection
