"""The trades that a simulated venue has made, as its own REST tells them: what may not be lost."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event, Lock, Thread
from typing import Any, Final, NamedTuple

import httpx2
from processes import ask

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Exchange, Side, Venue

_PAGE: Final = 1000
_EVERY_S: Final = 3.0
_AGGREGATES: Final = {
    Venue.BINANCE_SPOT: "/api/v3/aggTrades",
    Venue.BINANCE_USDM: "/fapi/v1/aggTrades",
}


class Made(NamedTuple):
    """A trade."""

    price: Decimal
    size: Decimal
    time_ms: int
    buy: bool


class VenueTape:
    """All trades of a symbol since the first `look`, by id, in the order in which they were made.

    Bybit knows its last thousand trades only, so it must be looked at often enough, which
    `followed` sees to; that it was is asserted.
    """

    def __init__(self, venue: Venue, symbol: str, port: int) -> None:
        self.made: dict[int | str, Made] = {}
        self._venue = venue
        self._symbol = symbol
        self._url = f"http://127.0.0.1:{port}"
        self._turn = Lock()

    def look(self) -> None:
        """Take notice of the trades since the last look."""
        with self._turn:
            if self._venue.exchange is Exchange.BYBIT:
                self._look_back()
            else:
                self._look_on()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Look every few seconds, whatever the test waits for meanwhile."""
        over = Event()
        thread = Thread(target=self._follow, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _follow(self, over: Event) -> None:
        while not over.wait(_EVERY_S):
            try:
                self.look()
            except httpx2.TransportError:
                continue

    def lost(self, logged: Iterable[TradeEvent]) -> list[Made]:
        """Return the trades from the first logged one to the last one that are not logged.

        Asserts that every other one is, once, as it was made, and that nothing else is.
        """
        found: dict[int | str, Made] = {}
        for trade in logged:
            assert trade.id not in found, f"{self._venue} {trade.id} stands twice in the log"
            found[trade.id] = _made(trade)
        made = dict(self.made)
        places = {identity: place for place, identity in enumerate(made)}
        strange = found.keys() - places.keys()
        assert not strange, f"{self._venue} never made {sorted(strange, key=str)[:5]}"
        first, last = min(map(places.get, found)), max(map(places.get, found))
        expected = dict(list(made.items())[first : last + 1])
        wrong = [identity for identity in found if found[identity] != expected[identity]]
        assert not wrong, f"{len(wrong)} trades of {self._venue} are not what they were"
        return [one for identity, one in expected.items() if identity not in found]

    def _look_on(self) -> None:
        path = _AGGREGATES[self._venue]
        while True:
            after = {"fromId": next(reversed(self.made)) + 1} if self.made else {}
            rows = ask(self._url, path, symbol=self._symbol, limit=_PAGE, **after)
            for row in rows:
                size, time_ms = Decimal(row["q"]), row["T"]
                self.made[row["a"]] = Made(Decimal(row["p"]), size, time_ms, not row["m"])
            if len(rows) < _PAGE or not after:
                return

    def _look_back(self) -> None:
        category = self._venue.removeprefix("bybit-")
        question = {"category": category, "symbol": self._symbol, "limit": _PAGE}
        rows: list[dict[str, Any]] = ask(self._url, "/v5/market/recent-trade", **question)[
            "result"
        ]["list"]
        fresh = [row for row in rows if row["execId"] not in self.made]
        assert len(fresh) < len(rows) or not self.made, "Bybit was looked at too seldom"
        for row in reversed(fresh):
            size, time_ms = Decimal(row["size"]), int(row["time"])
            made = Made(Decimal(row["price"]), size, time_ms, row["side"] == "Buy")
            self.made[row["execId"]] = made


def _made(trade: TradeEvent) -> Made:
    scale = trade.instrument.scale
    time_ms = trade.exchange_time // NS_PER_MS
    return Made(scale.price(trade.price), scale.size(trade.size), time_ms, trade.side is Side.BUY)
