"""Who reads the live stream now, how many may, and what became of those who left.

One count for WebSocket and server-sent events together, told under `/health`. A reader beyond the
limit is refused before its connection is accepted, with a problem as REST gives it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloud_marketdata.api.stream.outbox import Outbox, Parting
from cloud_marketdata.api.stream.refusals import StoppingError, TooManyReadersError
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.core.health import Pulse

STOPPING: Final = Parting(1012, "stopping", "the service stops or restarts; connect again")


class Readers:
    """Counts readers, and lets them all go when the process stops."""

    def __init__(self, settings: Settings) -> None:
        self.refused: Counter[str] = Counter()
        """By code, what was refused: connections, messages and channels."""
        self.parted: Counter[str] = Counter()
        """By code, whose connection was ended from this side."""
        self.subscriptions = 0
        self.channels_max = settings.stream_subscriptions
        """How many channels one connection may listen to."""
        self._most = settings.stream_connections
        self._open: dict[int, Outbox] = {}
        self._conflated = 0
        self._stopping = False

    @contextmanager
    def seat(self, outbox: Outbox) -> Iterator[None]:
        """Count a reader while it is connected.

        Raises TooManyReadersError where all seats are taken, StoppingError near the end.
        """
        if refusal := self._refusal():
            self.refused[refusal.code] += 1
            raise refusal
        self._open[id(outbox)] = outbox
        try:
            yield
        finally:
            del self._open[id(outbox)]
            self._conflated += outbox.conflated
            if outbox.parting is not None:
                self.parted[outbox.parting.code] += 1

    def stop(self) -> None:
        """Tell every reader that the service stops; new ones are refused from here on."""
        self._stopping = True
        for outbox in self._open.values():
            outbox.part(STOPPING)

    def _refusal(self) -> MarketDataError | None:
        if self._stopping:
            return StoppingError("the service is about to stop; connect again in a moment")
        if len(self._open) >= self._most:
            msg = f"{self._most} readers are connected, which is all this process carries"
            return TooManyReadersError(msg)
        return None

    async def pulse(self) -> Pulse:
        """See Component."""
        full = len(self._open) >= self._most
        told: dict[str, object] = {
            "connections": len(self._open),
            "connections_max": self._most,
            "subscriptions": self.subscriptions,
            "waiting_bytes": sum(outbox.waiting for outbox in self._open.values()),
            "conflated": self._conflated + sum(o.conflated for o in self._open.values()),
            "parted": dict(self.parted),
            "refused": dict(self.refused),
        }
        return Pulse("processing", "stream", "full" if full else "ok", ok=not full, detail=told)
