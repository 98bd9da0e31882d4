"""What a process that serves nobody still answers: /live, /ready, /health and /metrics."""

from socket import socket

from cloud_marketdata.api.ops.app import create_ops_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.guarding import Guarding
from cloud_marketdata.roles.listening import server_of


class Watched:
    """The operations listener of one process, behind the same guards as the API."""

    def __init__(
        self, operations: Operations, guarding: Guarding, settings: Settings, clock: Clock
    ) -> None:
        app = create_ops_app(operations, guarding.guard, settings, clock)
        self._server = server_of(app, guarding)

    async def serve(self, listener: socket) -> None:
        """Answer on a bound socket until `stop`."""
        await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        """Let `serve` end, once what was asked is answered."""
        self._server.should_exit = True
