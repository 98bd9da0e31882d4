"""The role `serve`: questions answered by REST and MCP, and the live stream."""

from collections.abc import Mapping
from random import Random
from socket import socket
from typing import Final

from cloud_marketdata import __version__
from cloud_marketdata.api.admin import Roster
from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.audit import build_audit
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.signals.queries import Detectors
from cloud_marketdata.api.stream.asyncapi import build_page
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.hosting import PublicServer
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.guarding import Guarding
from cloud_marketdata.processing.detectors import kline_mismatch
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.processing.pairs import telling
from cloud_marketdata.roles.listening import server_of
from cloud_marketdata.roles.part import Part
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.proving import Proving

_DETECTORS: Final = Detectors(
    {fold.name: fold.version for fold in FOLDS} | {kline_mismatch.NAME: kline_mismatch.VERSION},
    {telling.DETECTOR: telling.VERSION},
)


class Serving:
    """The API of one process, behind its guards."""

    def __init__(
        self, stores: Stores, guarding: Guarding, settings: Settings, clock: Clock, random: Random
    ) -> None:
        self.queries = Queries(stores, clock, settings, _DETECTORS)
        self.hub = Hub(self.queries, stores, clock, settings, random)
        self.readers = Readers(settings)
        self.parts: list[Part] = [("stream", self.hub.run)]
        asked = (self.queries.answers, self.queries.trees, self.queries.profiles)
        self.components: list[Component] = [*asked, self.hub, self.readers]
        self.measured: list[Measured] = []
        if settings.role == "serve":
            # Where markets are worked on as well, their share is told there.
            proving = Proving(stores, clock, None)
            self.parts.append(("proving", proving.run))
            self.measured.append(proving)
        self._guarding = guarding
        self._settings = settings
        self._clock = clock
        self._server: PublicServer | None = None

    async def serve(
        self,
        listener: socket,
        operations: Operations,
        rosters: Mapping[Venue, Roster],
    ) -> None:
        """Answer on `listener` until `stop`.

        Args:
            listener: a bound socket.
            operations: what this process tells who operates it.
            rosters: what is collected in this process, for the admin calls.
        """
        settings, guarding = self._settings, self._guarding
        app = create_app(
            queries=self.queries,
            operations=operations,
            clock=self._clock,
            settings=settings,
            guard=guarding.guard,
            rosters=rosters,
            routers=[
                build_stream(self.hub, self.readers, self._clock, settings, guarding.stream),
                build_page(__version__),
                build_audit(settings.data_dir / "audit", self._clock),
            ],
        )
        self._server = server_of(app, guarding)
        await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        """Let `serve` end, once what was asked is answered and readers were told to leave."""
        self.readers.stop()
        if self._server:
            self._server.should_exit = True
