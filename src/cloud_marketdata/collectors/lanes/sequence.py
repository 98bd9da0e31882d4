"""Continuity of books: what a venue's update ids prove about lost, repeated, reordered messages.

Three rules, each a function of the local update id and the next delta, numbered like the venue's
own procedure. All pure. What trade ids prove stands in `tapes`.
"""

from enum import Enum
from typing import Protocol

from cloud_marketdata.domain.events import BookDelta


class Verdict(Enum):
    """What to do with the next delta."""

    APPLY = "apply"
    IGNORE = "ignore"
    GAP = "gap"


class BookRule(Protocol):
    """One venue's continuity rule.

    `snapshot_in_stream` says that snapshots come over the socket, in order with the deltas.
    """

    snapshot_in_stream: bool

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """Judge a delta against a snapshot at `local_id`, before any delta was applied."""
        ...

    def follow(self, local_id: int, delta: BookDelta) -> Verdict:
        """Judge a delta against the one applied before it."""
        ...


class SpotRule:
    """Binance spot. Ids are consecutive, so joining and following are one rule.

    1. `u <= local`: the book has it already, ignore.
    2. `U > local + 1`: something is missing, start over.
    3. Otherwise apply; the snapshot may fall inside the event or exactly between two events.
    """

    snapshot_in_stream = False

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id <= local_id:
            return Verdict.IGNORE
        return Verdict.GAP if delta.first_id > local_id + 1 else Verdict.APPLY

    follow = join


class UsdmRule:
    """Binance USD-M. Ids leap, and only `pu` links one event to the one before.

    1. Joining, `u < L`: older than the snapshot, ignore. `u == L` still is the joining event.
    2. Joining, `pu <= L`: the snapshot falls inside the event or right before it, apply.
       (`U <= L <= u` implies it, and `pu == L` is the case the documented test misses.)
    3. Following, `pu == local`: apply. `u <= local`: a repeat, ignore. Else something is missing.
    """

    snapshot_in_stream = False

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id < local_id:
            return Verdict.IGNORE
        before = delta.first_id if delta.previous_id is None else delta.previous_id
        return Verdict.APPLY if before <= local_id else Verdict.GAP

    def follow(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.previous_id == local_id:
            return Verdict.APPLY
        return Verdict.IGNORE if delta.last_id <= local_id else Verdict.GAP


class BybitRule:
    """Bybit, within one topic: `u` grows by one from the snapshot on; the same `u` is a repeat.

    A lower `u` is no repeat but a counter that began anew: ignoring it would freeze the book.
    """

    snapshot_in_stream = True

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id == local_id:
            return Verdict.IGNORE
        return Verdict.APPLY if delta.last_id == local_id + 1 else Verdict.GAP

    follow = join
