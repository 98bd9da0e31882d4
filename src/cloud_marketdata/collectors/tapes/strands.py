"""What several connections brought of one tape, and what nobody can have brought.

A connection brings everything from its first trade to its last. While one is up, whatever happened
since its first trade may still come. When one is lost, a hole between the stretches of the lost
ones that no other covers must be feared: the next connection came too late, or the lost one had
long been deaf. This is for venues whose ids prove nothing. Pure.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud_marketdata.collectors.tapes.gaps import TradeGap, feared, match_of, order_of
from cloud_marketdata.domain.events import TradeEvent

_KEPT_MAX: Final = 100


class Strand(NamedTuple):
    """The first and the newest trade that one connection brought, new ones or not."""

    first: TradeEvent
    last: TradeEvent


class Strands:
    """The stretches of lost connections that one which goes on has not passed yet."""

    def __init__(self) -> None:
        self._lost: list[Strand] = []

    def lose(self, strand: Strand, others: Sequence[Strand]) -> list[TradeGap]:
        """Return the gaps to fear now that a connection is lost and `others` go on."""
        lost = sorted([*self._lost, strand], key=_begin)
        live = min((other.first for other in others), key=order_of, default=None)
        slowest = min((order_of(other.last) for other in others), default=None)
        self._lost = [one for one in lost if slowest and order_of(one.last) > slowest]
        if len(self._lost) > _KEPT_MAX:
            # Too many to wait for: their holes are told, though a slow one might yet fill them.
            self._lost, live = [], None
        return _holes(lost, live)


def _holes(lost: Sequence[Strand], live: TradeEvent | None) -> list[TradeGap]:
    gaps: list[TradeGap] = []
    end: TradeEvent | None = None
    for first, last in lost:
        if live and _reaches(first, live):
            break
        if end and not _reaches(end, first):
            gaps.append(feared(end, first))
        end = max(end or last, last, key=order_of)
    if live and end and not _reaches(end, live):
        gaps.append(feared(end, live))
    return gaps


def _begin(strand: Strand) -> tuple[int, int]:
    return order_of(strand.first)


def _reaches(end: TradeEvent, first: TradeEvent) -> bool:
    # Places inside a match are counted anew by each connection, so only its own trade is sure.
    return end.id == first.id or match_of(first) < match_of(end)
