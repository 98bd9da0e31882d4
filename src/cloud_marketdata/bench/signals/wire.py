"""Frames on their way to the log, through the real decode, validation, tape and book.

Nothing between a socket and the log is left out but the socket. A lost book is asked for again, and
answered at once where there is somebody to answer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.replay.snapshots import SIGN, BareSnapshots
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.storage.ports import Batch

Answer = Callable[[], bytes | None]
# What a service hands on together, with its usual settings.
BATCH_NS: Final = 50 * NS_PER_MS


class Wire:
    """One connection to one venue; without instruments it learns their grids from the values.

    answer: returns the whole book of now, as the venue writes it, or None where nobody can.
    """

    def __init__(self, venue: Venue, instruments: Sequence[Instrument], answer: Answer) -> None:
        infer = not instruments
        rulers = [Rulers(venue, instruments, infer=infer) for _ in range(2)]
        collector = VENUES[venue](rulers[0], rulers[1], "aggTrade")
        self.intake = Intake(collector, Desks(venue), Rejections())
        self._answer = answer
        self._snapshots = BareSnapshots(self.intake)

    @property
    def repeated(self) -> int:
        """Trades that came again, and were dropped and counted."""
        return sum(lane.duplicates for lane in self.intake.lanes.values())

    def batches(self, frames: Iterable[Frame]) -> Iterator[Batch]:
        """Yield what would be appended to the log."""
        taken = 0
        for frame in frames:
            if frame.received_at >= taken + BATCH_NS:
                taken = frame.received_at
                yield from self.intake.take()
            self._receive(frame)
            self._snapshots.deliver()
            for symbol in self.intake.wishes():
                self._ask(symbol, frame.received_at)
        yield from self.intake.take()

    def _receive(self, frame: Frame) -> None:
        if frame.payload.startswith(SIGN):
            self._snapshots.receive(frame)
        else:
            self.intake.receive(frame.payload, frame.received_at)

    def _ask(self, symbol: str, at: int) -> None:
        body = self._answer()
        if body is None:
            self.intake.lane(symbol).sync.snapshot_failed()
        elif body.startswith(SIGN):
            event = self.intake.collector.decode_snapshot(symbol, body, at)
            self.intake.snapshot(symbol, event)
        else:
            self.intake.receive(body, at)
