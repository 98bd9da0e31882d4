"""One Redis on a free port of 127.0.0.1, its append-only file in a folder of its own."""

import socket
from pathlib import Path

from servers.installed import program
from servers.program import HOST, Program, ServerError, free_port


class RedisServer(Program):
    """One Redis; `options` are further options of its command line, such as `--requirepass x`."""

    def __init__(self, folder: Path, *options: object, name: str = "redis") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        # Without snapshots and with every write in the file before it is answered for, a killed
        # server comes back with all it has confirmed.
        settings = ("--save", "", "--appendonly", "yes", "--dir", folder, "--loglevel", "notice")
        command = (program("redis-server"), "--port", self.port, "--bind", HOST, *settings)
        super().__init__(name, folder, (*command, *options), self._pinged)

    def _pinged(self) -> None:
        """Be content with any answer but the one of a server that still reads its file."""
        with socket.create_connection((HOST, self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
        if not answer.startswith((b"+PONG", b"-NOAUTH")):
            message = answer.decode(errors="replace")
            raise ServerError(message)
