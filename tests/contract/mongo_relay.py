"""A relay before one MongoDB that loses a connection at a command: its question or its answer."""

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

_CHUNK = 1 << 20
_PATIENCE_S = 10.0


class Relay:
    """Passes everything on, but of the next `losses` commands it loses a part and the connection.

    A context manager; `port` is where it listens. at: what those commands contain.
    """

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.losses = 0
        self.at: tuple[bytes, ...] = (b"commitTransaction",)
        self.lost: Literal["question", "answer"] = "answer"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            if self._questions(client, server):
                # Nobody is there to hear it, but the server has answered before it is left.
                back.join(_PATIENCE_S)
            _end(server)
            back.join(_PATIENCE_S)

    def _questions(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass questions on; return whether the answer to the last one is to be lost."""
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                losing = self.losses > 0 and any(name in data for name in self.at)
                self.losses -= losing
                if losing:
                    _end(client)
                if losing and self.lost == "question":
                    return False
                server.sendall(data)
                if losing:
                    return True
        return False


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    _end(sink)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
