"""The REST snapshots inside a Binance capture: bare bodies that do not name their symbol.

A snapshot belongs to the book whose update ids it stands next to. One that comes before any delta
waits; one for a book that is in sync is not needed, because a book is only ever repaired by wish.
"""

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.collectors.intake import Intake
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.storage.ports import BookState

SIGN: Final = b'{"lastUpdateId"'
_WAITING_MAX: Final = 1_000


class _Id(Struct):
    lastUpdateId: int  # noqa: N815  the venue's name


class BareSnapshots:
    """Hands recorded snapshots to the lanes of an intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: deque[Frame] = deque(maxlen=_WAITING_MAX)

    def receive(self, frame: Frame) -> None:
        """Take one recorded body."""
        self._waiting.append(frame)

    def deliver(self) -> None:
        """Hand over the snapshots whose book can be told by now."""
        if not self._waiting or not any(self._known()):
            return
        frames, self._waiting = self._waiting, deque(maxlen=_WAITING_MAX)
        for frame in frames:
            self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        collector = self._intake.collector
        try:
            wanted = msgspec.json.decode(frame.payload, type=_Id).lastUpdateId
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # No id, so no owner: the collector says what is wrong with it.
            self._intake.receive(frame.payload, frame.received_at)
            return
        near = {symbol: abs(newest - wanted) for symbol, newest in self._known()}
        symbol = min(near, key=near.__getitem__)
        if self._intake.lane(symbol).sync.state is not BookState.SYNCED:
            event = collector.decode_snapshot(symbol, frame.payload, frame.received_at)
            self._intake.snapshot(symbol, event)

    def _known(self) -> list[tuple[str, int]]:
        lanes = self._intake.lanes.items()
        return [(symbol, lane.sync.newest_id) for symbol, lane in lanes if lane.sync.newest_id]
