"""Who reads the live stream now, how many may, and what became of those who left.

One count for WebSocket and server-sent events together, told under `/health`. A reader beyond the
limit is refused before its connection is accepted, with a problem as REST gives it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple, get_args

from cloud_marketdata.api.stream.delivery import DEAD
from cloud_marketdata.api.stream.outbox import SLOW, Outbox, Parting
from cloud_marketdata.api.stream.refusals import StoppingError, TooManyReadersError
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import WS_CONNECTIONS, WS_DROPPED, WS_SENT
from cloud_marketdata.core.telemetry.metric import Sample

STOPPING: Final = Parting(1012, "stopping", "the service stops or restarts; connect again")

ReaderKind = Literal["websocket", "sse"]
_REASONS: Final = frozenset((SLOW.code, DEAD.code, TooManyReadersError.code))
"""What is told from the beginning, as nothing; there may be others."""
_KINDS: Final[tuple[ReaderKind, ...]] = get_args(ReaderKind)


class _Reader(NamedTuple):
    outbox: Outbox
    kind: ReaderKind


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
        self._open: dict[int, _Reader] = {}
        self._conflated = self._sent = 0
        self._stopping = False

    @contextmanager
    def seat(self, outbox: Outbox, kind: ReaderKind) -> Iterator[None]:
        """Count a reader while it is connected.

        Raises TooManyReadersError where all seats are taken, StoppingError near the end.
        """
        if refusal := self._refusal():
            self.refused[refusal.code] += 1
            raise refusal
        self._open[id(outbox)] = _Reader(outbox, kind)
        try:
            yield
        finally:
            del self._open[id(outbox)]
            self._conflated += outbox.conflated
            self._sent += outbox.sent_on
            if outbox.parting is not None:
                self.parted[outbox.parting.code] += 1

    def stop(self) -> None:
        """Tell every reader that the service stops; new ones are refused from here on."""
        self._stopping = True
        for reader in self._open.values():
            reader.outbox.part(STOPPING)

    @property
    def _conflated_ever(self) -> int:
        return self._conflated + sum(one.outbox.conflated for one in self._open.values())

    def _refusal(self) -> MarketDataError | None:
        if self._stopping:
            return StoppingError("the service is about to stop; connect again in a moment")
        if len(self._open) >= self._most:
            msg = f"{self._most} readers are connected, which is all this process carries"
            return TooManyReadersError(msg)
        return None

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        kinds = Counter(reader.kind for reader in self._open.values())
        yield from (WS_CONNECTIONS.of(kinds[kind], kind) for kind in _KINDS)
        yield WS_SENT.of(self._sent + sum(one.outbox.sent_on for one in self._open.values()))
        yield WS_DROPPED.of(self._conflated_ever, "conflated")
        for code in sorted(_REASONS.union(self.parted, self.refused)):
            yield WS_DROPPED.of(self.parted[code] + self.refused[code], code)

    async def pulse(self) -> Pulse:
        """See Component."""
        full = len(self._open) >= self._most
        told: dict[str, object] = {
            "connections": len(self._open),
            "connections_max": self._most,
            "subscriptions": self.subscriptions,
            "waiting_bytes": sum(one.outbox.waiting for one in self._open.values()),
            "conflated": self._conflated_ever,
            "parted": dict(self.parted),
            "refused": dict(self.refused),
        }
        return Pulse("processing", "stream", "full" if full else "ok", ok=not full, detail=told)
