"""Gaps in tapes: between which two trades something is missing, or must be feared to be.

Where ids prove the loss its size is known; elsewhere the two trades themselves are kept, because
only they can be looked for in what the venue still remembers. Pure.
"""

from typing import NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS


class TradeGap(Struct, frozen=True):
    """A hole in a tape; both ends are trades we have. Times are ns.

    `missing` is the proven number of trades, or None where a broken connection is all that is
    known. `ends` are the trades themselves where their ids prove no order.
    """

    after_id: int | str
    before_id: int | str
    missing: int | None
    start: int
    end: int
    ends: tuple[TradeEvent, TradeEvent] | None = None

    @property
    def detail(self) -> dict[str, int | str]:
        """The gap as the detail of a fact, see domain.events.StatusKind."""
        proven: dict[str, int | str] = {} if self.missing is None else {"missing": self.missing}
        return {
            "after_id": self.after_id,
            "before_id": self.before_id,
            **proven,
            "from_ms": self.start // NS_PER_MS,
            "to_ms": self.end // NS_PER_MS,
        }


class Outcome(NamedTuple):
    """What an attempt to fill a gap came to; `final` says that another one cannot do better."""

    repaired: bool
    reason: str = ""
    final: bool = False


def feared(last: TradeEvent, first: TradeEvent) -> TradeGap:
    """Return the gap between the last trade that came and the first one that came again."""
    end = max(last.exchange_time, first.exchange_time)
    return TradeGap(last.id, first.id, None, last.exchange_time, end, (last, first))


def order_of(trade: TradeEvent) -> tuple[int, int]:
    """Return what sorts the trades of a symbol."""
    return trade.exchange_time, trade.sequence


def match_of(trade: TradeEvent) -> tuple[int, int]:
    """Return time and number of the match a trade without contiguous ids belongs to.

    Its place inside the match depends on where a connection began to count; the match does not.
    """
    return trade.exchange_time, trade.sequence >> 16
