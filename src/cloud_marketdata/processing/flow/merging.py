"""The three streams of one market's log in one order: by match time, then trades, book, facts.

An item is let go once the newest time that was seen lies `lateness` behind it, and no stream that
has unread entries could still bring an older one. So the order depends on what the log holds and
not on how it was read: by large or small pages, catching up or following. A silent stream holds
nothing up. Where all data are silent facts alone move the time, with more patience, because they
arrive while a connection stalls.

What comes late against its own stream is late however it is read. What comes late against another
stream, by more than `lateness`, is late where we follow and in order where we catch up.

Events without a time of the venue (facts, snapshots by REST) get one: see VenueTime and BookQueue.
The buffer is bounded: a stream that is ahead is not read on until the others have come up, and
where that does not help the older half is let go early, which `hurried` counts.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from cloud_marketdata.domain.events import StatusEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.processing.flow.places import Cut, Released
from cloud_marketdata.processing.flow.queues import BookQueue, FactQueue, TradeQueue
from cloud_marketdata.processing.flow.venue_time import VenueTime
from cloud_marketdata.storage.ports import Record, StreamKind

_PATIENCE: Final = 10 * NS_PER_S
RELEASE_STEP: Final = 100 * NS_PER_MS
_MOST: Final = 50_000


def _time(item: tuple[int, object]) -> int:
    return item[0]


class Merge:
    """Takes entries of the three streams and releases their events in order.

    lateness: ns. cut: where an earlier one stood, to go on without a trace of the interruption.
    most: events of one stream that wait before it is not read ahead of the others.
    """

    def __init__(self, lateness: int, cut: Cut | None = None, *, most: int = _MOST) -> None:
        self.hurried = 0
        self._cut = cut or Cut()
        self._lateness = lateness
        self._most = most
        self._ways = VenueTime(self._cut.ways)
        self._trades = TradeQueue(self._cut.trades, lateness)
        self._book = BookQueue(self._cut.book)
        self._facts = FactQueue(self._cut.status)
        self._queues: dict[StreamKind, TradeQueue | BookQueue | FactQueue] = {
            StreamKind.TRADES: self._trades,
            StreamKind.BOOK: self._book,
            StreamKind.STATUS: self._facts,
        }

    def resumed(self, cut: Cut) -> "Merge":
        """Return one of the same kind that goes on from a cut."""
        return Merge(self._lateness, cut, most=self._most)

    @property
    def cut(self) -> Cut:
        """Where it stands: to be read at once after `release`, before anything else is taken."""
        self._cut.ways = self._ways.seen
        return self._cut

    def after(self, kind: StreamKind) -> int:
        """Return the position behind which a stream has to be read again from this cut."""
        return self._queues[kind].place.after

    def wants(self, kind: StreamKind) -> bool:
        """Whether a stream should be read on, or is so far ahead that others come first."""
        mine = self._queues[kind]
        if len(mine) < self._most:
            return True
        return not any(q.more and q.top < mine.top for q in self._queues.values() if q is not mine)

    def take(self, kind: StreamKind, records: Sequence[Record], *, more: bool) -> None:
        """Take the next entries of a stream; `more` where the log may hold further ones.

        Where the streams are read one after the other, status comes first, because the collectors
        append facts behind what they are about.
        """
        self._queues[kind].more = more
        for record in records:
            if kind is StreamKind.TRADES:
                self._trades.take(record, self._cut.told)
            elif kind is StreamKind.BOOK:
                self._book.take(record)
            else:
                self._facts.take(record)
            for event in (record.events[0], record.events[-1]):
                if not isinstance(event, StatusEvent) and event.exchange_time != event.received_at:
                    self._ways.note(event.exchange_time, event.received_at)

    def release(self, *, step: int = RELEASE_STEP) -> Released | None:
        """Return what may be told, or None where that is not a `step` (ns) more than before."""
        lags = [q.heard for q in (self._trades, self._book) if q.more]
        self._facts.settle(self._ways, min(lags) if lags else None)
        upto = self._limit()
        if upto - self._cut.told < max(step, 1) and not self._trades.late:
            return None
        return self._upto(max(upto, self._cut.told))

    def drain(self) -> Released:
        """Return all that was taken: the log ends here."""
        self._facts.settle(self._ways, None)
        return self._upto(max(self._cut.told, *(q.top + 1 for q in self._queues.values())))

    def _limit(self) -> int:
        upto = max(self._trades.top, self._book.top) - self._lateness
        lags = [queue.top - self._lateness for queue in self._queues.values() if queue.more]
        if lags:
            upto = min(upto, *lags)
        else:
            upto = max(upto, self._facts.top - _PATIENCE)
            # Without any data there is no time yet, and facts are about nothing.
            upto = max(upto, 1)
        for queue in (self._trades, self._book):
            if len(queue) >= 2 * self._most:
                self.hurried += 1
                upto = max(upto, queue.middle)
        return upto

    def _upto(self, upto: int) -> Released:
        trades, arrivals = self._trades.release(upto, self._cut.told)
        book, facts = self._book.release(upto), self._facts.release(upto)
        told = chain(arrivals, self._book.take_arrivals(), self._facts.take_arrivals())
        self._cut.told = upto
        late = self._trades.take_late()
        return Released(upto, trades, book, facts, sorted(told, key=_time), late)
