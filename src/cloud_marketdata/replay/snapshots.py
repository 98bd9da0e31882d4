"""The REST snapshots inside a Binance capture: bare bodies that do not name their symbol.

Our own recordings add the symbol as `s`. Where it is missing, a snapshot belongs to the book whose
waiting deltas are of like price and, among those, whose update ids it stands next to; until there
is one it waits. One for a book that is in sync is not needed: a book is repaired by wish alone.
"""

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.lane import Lane
from cloud_marketdata.domain.values import BadNumberError, parse_decimal
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.storage.ports import BookState

SIGN: Final = b'{"lastUpdateId"'
_WAITING_MAX: Final = 1_000


class _Bare(Struct):
    lastUpdateId: int  # noqa: N815  the venue's name
    s: str = ""
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


_bare = msgspec.json.Decoder(_Bare)


class BareSnapshots:
    """Hands recorded snapshots to the lanes of an intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: deque[Frame] = deque(maxlen=_WAITING_MAX)

    def receive(self, frame: Frame) -> None:
        """Take one recorded body."""
        self._waiting.append(frame)

    def deliver(self) -> None:
        """Hand over the snapshots whose book can be told by now; the others go on waiting."""
        frames, self._waiting = self._waiting, deque(maxlen=_WAITING_MAX)
        for frame in frames:
            if not self._deliver(frame):
                self._waiting.append(frame)

    def _deliver(self, frame: Frame) -> bool:
        try:
            bare = _bare.decode(frame.payload)
            lane = self._owner(bare)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadNumberError):
            # It cannot be placed, so the collector says what is wrong with it.
            self._intake.receive(frame.payload, frame.received_at)
            return True
        if lane is None:
            return False
        if lane.sync.state is not BookState.SYNCED:
            collector = self._intake.collector
            event = collector.decode_snapshot(lane.symbol, frame.payload, frame.received_at)
            self._intake.snapshot(lane.symbol, event)
        return True

    def _owner(self, bare: _Bare) -> Lane | None:
        lanes = [lane for lane in self._intake.lanes.values() if lane.sync.newest_id]
        if bare.s:
            return next((lane for lane in lanes if lane.symbol == bare.s), None)
        alike = [lane for lane in lanes if _alike(lane, bare)]
        return min(
            alike, key=lambda lane: abs(lane.sync.newest_id - bare.lastUpdateId), default=None
        )


def _alike(lane: Lane, bare: _Bare) -> bool:
    """Whether the snapshot's best price may be one of this book's."""
    prices = lane.sync.recent_prices()
    best = (bare.bids or bare.asks)[:1]
    if not prices or not best or lane.instrument is None:
        return True
    best_price = parse_decimal(best[0][0])
    scale = lane.instrument.scale
    # Deltas reach far from the touch, so only the middle of them says what the market costs.
    middle = scale.price(sorted(prices)[len(prices) // 2])
    return middle <= 2 * best_price and best_price <= 2 * middle
