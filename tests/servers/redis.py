"""One Redis on a free port of 127.0.0.1, its append-only file in a folder of its own."""

import socket
from pathlib import Path
from typing import Final

from servers.installed import program
from servers.program import HOST, Program, ServerError, free_port, ran

_DATABASES: Final = 10_000


class RedisServer(Program):
    """One Redis; `options` are further options of its command line, such as `--requirepass x`."""

    def __init__(self, folder: Path, *options: object, name: str = "redis") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._numbers = iter(range(1, _DATABASES))
        # Without snapshots and with every write in the file before it is answered for, a killed
        # server comes back with all it has confirmed.
        keeping = ("--save", "", "--appendonly", "yes", "--dir", folder)
        place = ("--port", self.port, "--bind", HOST, "--databases", _DATABASES)
        command = (program("redis-server"), *place, *keeping)
        super().__init__(name, folder, (*command, *options), self._pinged)

    def new_database(self) -> str:
        """Return the URL of a database that nobody else uses."""
        return f"redis://{HOST}:{self.port}/{next(self._numbers)}"

    def empty(self) -> None:
        """Remove every key of every database."""
        ran(program("redis-cli"), "-h", HOST, "-p", self.port, "flushall")

    def _pinged(self) -> None:
        """Be content with any answer but the one of a server that still reads its file."""
        with socket.create_connection((HOST, self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
        if not answer.startswith((b"+PONG", b"-NOAUTH")):
            message = answer.decode(errors="replace")
            raise ServerError(message)
