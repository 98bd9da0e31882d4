"""Asks one venue for what it says of closed minutes: its klines, and the trades they are made of.

Questions go through the venue's own client, so they wait for its budget and never take the half of
it that back-fill and books need. Rows that are none are counted among the rejections; an answer of
which nothing can be read is a VenueError.
"""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.history import History
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.klines import Kline
from cloud_marketdata.domain.values import Venue

_PAGES_MAX: Final = 50
"""Answers of a thousand trades that one minute may be made of; beyond them it is let be."""


class KlineDesk:
    """One venue, as long as its client is open. `stream` names the kind of Binance's trades."""

    def __init__(
        self, venue: Venue, stream: str, rest: Rest, rejections: Rejections, clock: Clock
    ) -> None:
        self._venue = venue
        self._stream = stream
        self._rest = rest
        self._rejections = rejections
        self._clock = clock

    async def klines(self, symbol: str, start: int, end: int) -> list[Kline]:
        """Return the venue's klines of the minutes in [start, end) ns, as far as it tells them.

        It tells at most `most` of them at a time. Raises VenueError.
        """
        spoken = VENUES[self._venue].klines
        body = await self._rest.get(spoken.ask(symbol, start, end))
        rows = spoken.decode(symbol, body, self._clock.now())
        klines = [row for row in rows if isinstance(row, Kline)]
        refused = [row for row in rows if not isinstance(row, Kline)]
        for rejection in refused:
            self._rejections.add(rejection)
        if refused and not klines:
            msg = f"klines of {symbol}: {refused[0].detail}"
            raise VenueError(msg)
        return [kline for kline in klines if start <= kline.start < end]

    async def trades(self, instrument: Instrument, first_id: int, end: int) -> list[TradeEvent]:
        """Return the trades from an id on that were matched before `end` ns.

        Raises VenueError, also where the venue answers no such question, one of the trades cannot
        be read, or it would take more than so many answers.
        """
        rulers = Rulers(self._venue, [instrument]), Rulers(self._venue)
        collector = VENUES[self._venue](*rulers, self._stream)
        history = History(collector, self._rest, self._rejections, self._clock)
        found: list[TradeEvent] = []
        at = first_id
        for _ in range(_PAGES_MAX):
            gap = TradeGap(at - 1, at, None, end, end)
            trades, refused = await history.page(instrument.symbol, gap)
            if refused:
                msg = f"a trade of the venue is not understood: {refused}"
                raise VenueError(msg)
            found += [trade for trade in trades if trade.exchange_time < end]
            if not trades or trades[-1].exchange_time >= end:
                return found
            at = _after(trades)
        msg = f"more than {_PAGES_MAX} answers would be needed"
        raise VenueError(msg)


def _after(trades: Sequence[TradeEvent]) -> int:
    return int(trades[-1].id) + 1
