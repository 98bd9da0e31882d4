"""Between those who record and the disk: a bounded queue, and what was taken from it last.

Events are recorded on one thread and written on another; no event is ever in none of the two
places, so whoever ends it may do so at any moment and nothing recorded is forgotten.
"""

from collections import Counter, deque
from threading import Lock
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.security.audit.event import LOST, AuditEvent
from cloud_marketdata.security.audit.pen import Entry, Pen

_BATCH: Final = 2000
"""Events that are written at once, so that a file ends near the size at which it shall."""
_MOST_KINDS: Final = 50
"""Kinds of lost events that are counted apart."""


class Scribe:
    """Writes by one pen; lost: events that found no room. most: how many may wait."""

    def __init__(self, pen: Pen, clock: Clock, most: int) -> None:
        self.lost = 0
        self.pen = pen
        self._clock = clock
        self.most = most
        self._queue: deque[Entry] = deque()
        self._dropped: Counter[str] = Counter()
        self._hand: list[Entry] = []
        self._turn = Lock()

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._queue) + len(self._hand) + self.pen.unwritten

    @property
    def is_losing(self) -> bool:
        """Whether events were lost of which the log does not tell yet."""
        return bool(self._dropped)

    def record(self, event: AuditEvent) -> None:
        """Take an event, or count it."""
        if len(self._queue) < self.most:
            self._queue.append((self._clock.now(), event))
            return
        self.lost += 1
        kind = f"{event.action}/{event.outcome}"
        known = kind in self._dropped or len(self._dropped) < _MOST_KINDS
        self._dropped[kind if known else "others"] += 1

    def take(self) -> bool:
        """Take in hand what waits, if nothing is; return whether there is anything to write.

        To be called by the thread that records, while nobody writes.
        """
        if not self._hand:
            self._hand = self._taken()
        return bool(self._hand)

    def write(self) -> None:
        """Write what is in hand; raises StorageError, and then it is to be called again."""
        with self._turn:
            self._write()

    def end(self) -> None:
        """Write all there is and end the file, here and now; raises StorageError.

        To be called by the thread that records. A thread that is writing is waited for.
        """
        with self._turn:
            while self.take():
                self._write()
            self.pen.close(self._clock.now(), "stop")
            self.pen.release()

    def _write(self) -> None:
        now = self._clock.now()
        self.pen.claim(now)
        # What the disk refused last time goes first: its place in the chain is settled.
        self.pen.flush(now)
        batch, self._hand = self._hand[:_BATCH], self._hand[_BATCH:]
        self.pen.add(batch)
        self.pen.flush(now)

    def _taken(self) -> list[Entry]:
        """Take what waits, and behind it the word of what found no room behind it."""
        taken = list(self._queue)
        self._queue.clear()
        if self._dropped:
            told = {kind: str(count) for kind, count in self._dropped.most_common()}
            self._dropped.clear()
            taken.append((self._clock.now(), AuditEvent(LOST, "system", "failed", params=told)))
        return taken
