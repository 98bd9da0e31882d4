"""Faults of beginnings: connections that are refused, and subscriptions that bring nothing."""

from cloud_marketdata.simulator.connection import Connection
from cloud_marketdata.simulator.faults.striker import Striker


class Refuse(Striker):
    """Connection attempts are answered with 503."""

    def refuses(self) -> bool:
        """Whether this attempt is refused."""
        return self.trigger.strikes(self.scene.clock.monotonic())


class AckOnly(Striker):
    """A subscription is acknowledged and never brings anything."""

    def subscribed(self, stream: str, connection: Connection) -> None:
        """Silence a stream from its beginning."""
        aimed = self.scene.concerns(self.fault, stream, connection)
        if aimed and self.trigger.strikes(self.scene.clock.monotonic()):
            connection.silenced.add(stream)
