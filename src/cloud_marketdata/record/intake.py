"""What a recorder adds to a connection's intake and to its REST, so that its books replay.

A reader follows one book across all connections. Where another connection's messages begin, it may
find a gap, and then it needs a snapshot that was taken behind that gap; snapshots that the new
connection asked for earlier do not help. So a connection that takes over begins its books anew.
"""

from collections.abc import Mapping
from typing import Final

from cloud_marketdata.collectors.base import Ask, BaseCollector
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.events import BookSnapshot, Rejection
from cloud_marketdata.record.segments import Segments

_SNAPSHOT: Final = b'{"lastUpdateId"'


class RecordingIntake(Intake):
    """An intake whose books join behind what the connection before it wrote."""

    def __init__(
        self, collector: BaseCollector, desks: Desks, rejections: Rejections, clock: Clock
    ) -> None:
        super().__init__(collector, desks, rejections)
        self._clock = clock
        self._seams: dict[str, int] = {}

    def newest_ids(self) -> dict[str, int]:
        """See relay.Runner."""
        return {symbol: lane.sync.newest_id for symbol, lane in self.lanes.items()}

    def follow(self, newest: Mapping[str, int]) -> None:
        """See relay.Runner."""
        if self.collector.books.rule.snapshot_in_stream:
            # Its own snapshots are in order with its messages, and held back with them.
            return
        self._seams = dict(newest)
        for lane in self.lanes.values():
            lane.distrust("the recording goes on with this connection", self._clock.now())
            # Also one not in sync yet may have a snapshot already, which is as useless.
            lane.sync.distrust()

    def snapshot(self, symbol: str, event: BookSnapshot | Rejection) -> None:
        """See Intake; a snapshot that a reader could not join counts as failed."""
        sync, seam = self.lane(symbol).sync, self._seams.get(symbol, 0)
        if isinstance(event, BookSnapshot) and min(event.update_id, sync.newest_id) <= seam:
            sync.snapshot_failed()
            return
        super().snapshot(symbol, event)


class RecordingRest:
    """A Rest that keeps whole book snapshots, which a replay needs.

    books: the symbol of each question for one. Smaller questions for books are not kept: a reader
    would take their few levels for all there are.
    """

    def __init__(
        self, rest: Rest, books: Mapping[Ask, str], segments: Segments, clock: Clock
    ) -> None:
        self._rest = rest
        self._books = books
        self._segments = segments
        self._clock = clock

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        body = await self._rest.get(ask)
        symbol = self._books.get(ask)
        if symbol and body.startswith(_SNAPSHOT):
            # The body does not say whose book it is; the question did.
            named = body.rstrip()[:-1] + b',"s":"%s"}' % symbol.encode()
            self._segments.write(named, self._clock.now())
        return body
