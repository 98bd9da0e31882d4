"""A venue's own record of its trades by REST, as far as it answers for one.

What comes is validated like a stream's trades; what is refused is counted among the rejections.
"""

from cloud_marketdata.collectors.base import BaseCollector
from cloud_marketdata.collectors.lanes.validator import why_not_trade
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.repairs import Page
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import Rejection, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_S


class UnansweredError(VenueError):
    """The venue does not answer this question, and will not later; the text says why."""


class History:
    """Asks for the trades of gaps; `collector` reads them by rulers it shares with the streams."""

    def __init__(
        self, collector: BaseCollector, rest: Rest, rejections: Rejections, clock: Clock
    ) -> None:
        self.venue = collector.venue
        self._collector = collector
        self._rest = rest
        self._rejections = rejections
        self._clock = clock
        self._refined: list[Instrument] = []

    async def page(self, symbol: str, gap: TradeGap) -> Page:
        """Return the first trades of a gap; raises VenueError, UnansweredError among them."""
        kept = self._collector.trades_kept_s
        if kept is not None and self._clock.now() - gap.end > kept * NS_PER_S:
            msg = f"the venue keeps trades for {kept / 3600:.0f} hours"
            raise UnansweredError(msg)
        try:
            ask = self._collector.trades_ask(symbol, gap)
        except LookupError as error:
            raise UnansweredError(str(error)) from error
        body = await self._rest.get(ask)
        ruler = self._collector.trades.rulers.get(symbol)
        before = ruler.instrument if ruler else None
        rows = self._collector.decode_trades(symbol, body, self._clock.now())
        if ruler and ruler.instrument is not before:
            self._refined.append(ruler.instrument)
        return self._valid(symbol, rows)

    def take_refined(self) -> list[Instrument]:
        """Return the instruments whose scale became finer since the last call."""
        taken, self._refined = self._refined, []
        return taken

    def _valid(self, symbol: str, rows: list[TradeEvent | Rejection]) -> Page:
        trades, refused = [], ""
        for row in rows:
            rejection = row if isinstance(row, Rejection) else self._rejection(symbol, row)
            if rejection is None and isinstance(row, TradeEvent):
                trades.append(row)
            elif rejection is not None:
                self._rejections.add(rejection)
                refused = refused or f"{rejection.reason}: {rejection.detail}"
        return Page(trades, refused)

    def _rejection(self, symbol: str, trade: TradeEvent) -> Rejection | None:
        reason = why_not_trade(trade)
        if reason is None:
            return None
        sample = repr(trade).encode()[:500]
        return Rejection(self.venue, reason, "", sample, trade.received_at, symbol)
