"""What every connection of the live stream is made of: one set of parts for both transports."""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.api.errors import Problems
from cloud_marketdata.api.stream.bearer import Bearer
from cloud_marketdata.api.stream.delivery import Delivery, Send
from cloud_marketdata.api.stream.guard import StreamGuard
from cloud_marketdata.api.stream.journal import Journal
from cloud_marketdata.api.stream.listening import Listening
from cloud_marketdata.api.stream.outbox import Outbox
from cloud_marketdata.api.stream.pace import Pace
from cloud_marketdata.api.stream.ports import Channel, Subscriptions
from cloud_marketdata.api.stream.readers import ReaderKind, Readers
from cloud_marketdata.api.stream.voice import Voice
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings


class Desk:
    """Gives a new connection its seats, its outbox, its list of channels, and what else it needs.

    requires_keys: whether nothing is answered to who has not shown one.
    """

    def __init__(
        self,
        hub: Subscriptions,
        readers: Readers,
        clock: Clock,
        settings: Settings,
        guard: StreamGuard,
    ) -> None:
        self.readers = readers
        self.clock = clock
        self.requires_keys = settings.asks_for_keys
        self.problems = Problems("stream", clock)
        self.voice = Voice(clock, self.problems)
        self._hub = hub
        self._settings = settings
        self._guard = guard

    @contextmanager
    def admitted(self, visit: Visit, outbox: Outbox) -> Iterator[Bearer]:
        """Give a connection its seats and have its key watched while it lasts.

        Raises TooManyReadersError, StoppingError, or QuotaExceededError where its address or its
        key has as many connections as it may.
        """
        bearer = Bearer(self._guard.gate, self._guard.seats, visit, outbox)
        kind: ReaderKind = "websocket" if visit.surface == "ws" else "sse"
        with self.readers.seat(outbox, kind), bearer, self._guard.rounds.watching(bearer):
            yield bearer

    def journal(self, bearer: Bearer) -> Journal:
        """Return what records a connection that was accepted."""
        return Journal(self._guard.audit, bearer, self.clock)

    def outbox(self) -> Outbox:
        """Return an empty outbox."""
        most = self._settings.stream_outbox_kb * 1024
        return Outbox(most, self._hub.refresh, self.voice.conflated)

    def listening(self, outbox: Outbox) -> Listening:
        """Return an empty list of channels, whose frames go to an outbox."""

        def failed(channel: Channel, error: Exception) -> None:
            problem = self.voice.problem(error)
            self.readers.refused[problem.code] += 1
            outbox.offer(channel, self.voice.failed(channel, problem))

        return Listening(self._hub, outbox, self.readers, failed)

    def pace(self) -> Pace:
        """Return a full bucket of requests."""
        return Pace(self._settings.stream_controls_per_s, self.clock)

    def delivery(self, outbox: Outbox, send: Send) -> Delivery:
        """Return what carries an outbox to its reader."""
        return Delivery(outbox, send, self.clock, self._settings.stream_send_timeout_s)
