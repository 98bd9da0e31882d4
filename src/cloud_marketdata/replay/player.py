"""Plays a capture through an intake, and answers its wishes as the venue would have.

A capture's own REST snapshots are handed in where they stand. When messages are left out on
purpose, `ShadowBooks` has seen all of them and answers the resync that the gap must cause.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.windows import Windows
from cloud_marketdata.replay.snapshots import SIGN, BareSnapshots
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.storage.ports import Batch, StreamKind

DropKind = Literal["depth", "trade"]
_SIGNS: Final[dict[DropKind, tuple[bytes, ...]]] = {
    "depth": (b'"depthUpdate"', b'"orderbook.'),
    "trade": (b'"trade"', b'"aggTrade"', b'"publicTrade.'),
}
_NEVER: Final = 1 << 62


class Drop(Struct, frozen=True):
    """Leave out every `every`-th message of a kind (0: none), and those at the places `at`.

    Messages of the kind are counted from 1.
    """

    every: int = 0
    kind: DropKind = "depth"
    at: frozenset[int] = frozenset()

    def strikes(self, place: int) -> bool:
        """Whether the message at this place is left out."""
        return place in self.at or (bool(self.every) and place % self.every == 0)


class Player:
    """One capture of one venue on its way to aggregates; `windows` holds them by symbol."""

    def __init__(
        self, venue: Venue, instruments: Sequence[Instrument] = (), drop: Drop | None = None
    ) -> None:
        infer = not instruments
        self.rejections = Rejections()
        self.intake = Intake(
            VENUES[venue](
                Rulers(venue, instruments, infer=infer),
                Rulers(venue, instruments, infer=infer),
                "aggTrade",
            ),
            Desks(venue),
            self.rejections,
        )
        self.windows: dict[str, Windows] = {}
        self.gaps: dict[str, list[StatusEvent]] = {}
        self.dropped = 0
        self._drop = drop or Drop()
        self._seen = 0
        self._shadow = ShadowBooks(venue) if self._drop.every or self._drop.at else None
        self._snapshots = BareSnapshots(self.intake)
        self._position = 0

    def play(self, frames: Iterable[Frame]) -> None:
        """Take every frame in order."""
        for frame in frames:
            if self._shadow:
                self._shadow.receive(frame.payload)
                if self._leave_out(frame.payload):
                    continue
            if frame.payload.startswith(SIGN):
                self._snapshots.receive(frame)
            else:
                self.intake.receive(frame.payload, frame.received_at)
            self._answer_wishes(frame.received_at)
            self._fold(self.intake.take())

    def _leave_out(self, payload: bytes) -> bool:
        if not any(sign in payload[:200] for sign in _SIGNS[self._drop.kind]):
            return False
        self._seen += 1
        out = self._drop.strikes(self._seen)
        self.dropped += out
        return out

    def _answer_wishes(self, at: int) -> None:
        self._snapshots.deliver()
        for symbol in self.intake.wishes():
            body = self._shadow.snapshot(symbol) if self._shadow else None
            if body is None:
                self.intake.lane(symbol).sync.snapshot_failed()
            elif body.startswith(SIGN):
                event = self.intake.collector.decode_snapshot(symbol, body, at)
                self.intake.snapshot(symbol, event)
            else:
                self.intake.receive(body, at)

    def _fold(self, batches: Iterable[Batch]) -> None:
        for stream, events, _ in batches:
            if stream.kind is StreamKind.TRADES:
                self._position += 1
                windows = self.windows.get(stream.symbol)
                if windows is None:
                    # A capture has an end, so no bucket needs to close before it.
                    windows = self.windows[stream.symbol] = Windows(_NEVER)
                trades = [event for event in events if isinstance(event, TradeEvent)]
                windows.fold(trades, self._position)
            elif stream.kind is StreamKind.STATUS:
                gaps = self.gaps.setdefault(stream.symbol, [])
                gaps += [
                    event
                    for event in events
                    if isinstance(event, StatusEvent) and event.kind is StatusKind.TRADE_GAP
                ]
