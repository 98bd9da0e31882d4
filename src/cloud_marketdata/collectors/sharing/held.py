"""What a shadow has heard of a symbol that another process collects: its newest trades.

When the symbol becomes ours they are poured through the tape that the log tells, which drops what
the log has. So they must reach back to before the other one ended, and must have no hole of which
the tape could not know: where ids prove nothing, all before a feared gap is let go. Pure.
"""

from collections import deque
from collections.abc import Sequence

from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_S


class Held:
    """Trades in the order in which they came, of the last `seconds` and at most `most`.

    since: when we began to follow, in ns. pushed_out: young trades that had no room.
    """

    def __init__(self, seconds: float, most: int, since: int) -> None:
        self.since = since
        self.pushed_out = 0
        self._span_ns = round(seconds * NS_PER_S)
        self._most = most
        self._trades: deque[TradeEvent] = deque()

    @property
    def trades(self) -> Sequence[TradeEvent]:
        """What is held, the oldest first."""
        return tuple(self._trades)

    @property
    def first_at(self) -> int | None:
        """When the oldest trade was received, in ns; None without any."""
        return self._trades[0].received_at if self._trades else None

    def keep(self, trades: Sequence[TradeEvent]) -> None:
        """Hold newer trades, and let go what is too old or too many."""
        held = self._trades
        held.extend(trades)
        if not held:
            return
        before = held[-1].received_at - self._span_ns
        while held[0].received_at < before:
            held.popleft()
        while len(held) > self._most:
            held.popleft()
            self.pushed_out += 1

    def torn(self, gap: TradeGap) -> None:
        """Let go what came before a gap of which nothing but this shadow knows."""
        if gap.missing is not None:
            return
        held = self._trades
        while held and held[0].id != gap.before_id:
            held.popleft()
