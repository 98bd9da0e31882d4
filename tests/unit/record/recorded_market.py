"""A market whose every connection cuts the book into messages of its own, as the venues do."""

import json
from decimal import Decimal
from random import Random

from frames import MS, js
from virtual import Network, Wire

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import Venue

SYMBOL = "BTCUSDT"


class Market:
    """Update ids and trade ids grow by one; `changes` holds (price, size) in ticks and lots."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.changes: list[tuple[int, int]] = []
        self.trades = 0

    def move(self, updates: int, trades: int) -> None:
        """Let things happen."""
        for _ in range(updates):
            n = len(self.changes)
            size = 0 if n % 5 == 4 else n + 1
            self.changes.append((618_000 + (n * 7) % 11 - (0 if n % 2 else 20), size))
        self.trades += trades

    def book(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return bids and asks as they stand."""
        return _sides(dict(self.changes))

    def snapshot(self) -> bytes:
        """Return what REST says."""
        bids, asks = (_texts(side) for side in self.book())
        return js({"lastUpdateId": len(self.changes), "bids": bids, "asks": asks})


class Venueside:
    """What the venue sends to each wire; REST too."""

    def __init__(self, market: Market, network: Network) -> None:
        self.market = market
        self._network = network
        self._heard: dict[Wire, int] = {}
        self._book: dict[Wire, int] = {}
        self._trades: dict[Wire, int] = {}

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        if "depth" in ask.path:
            return self.market.snapshot()
        if "aggTrades" in ask.path and self.market.trades:
            return js([self._trade(self.market.trades)])
        msg = "not served"
        raise VenueError(msg)

    def notice(self) -> None:
        """Take new commands; before somebody joins, everybody else is up to date."""
        for wire in self._network.open:
            said, self._heard[wire] = wire.sent[self._heard.get(wire, 0) :], len(wire.sent)
            for command in map(json.loads, said):
                if str(command.get("method", command.get("op"))).lower() == "subscribe":
                    self.speak_all()
                    self._join(wire, str(command))

    def speak(self, wire: Wire, random: Random | None = None) -> None:
        """Send what this wire has not had yet, or a random part of it."""
        newest = len(self.market.changes)
        if wire in self._trades:
            since, self._trades[wire] = self._trades[wire], self.market.trades
            wire.hear(*map(self._trade_frame, range(since + 1, self.market.trades + 1)))
        since = self._book.get(wire, newest)
        upto = random.randint(since, newest) if random else newest
        if upto > since:
            self._book[wire] = upto
            wire.hear(*self._deltas(since, upto))

    def speak_all(self) -> None:
        """Have everybody up to date."""
        for wire in self._network.open:
            self.speak(wire)

    def _join(self, wire: Wire, topics: str) -> None:
        if "rade" in topics:
            self._trades[wire] = self.market.trades
        if "depth" in topics or "orderbook" in topics:
            self._book[wire] = len(self.market.changes)
            if self.market.venue.exchange == "bybit":
                bids, asks = self.market.book()
                wire.hear(self._orderbook("snapshot", self._book[wire], bids, asks))

    def _deltas(self, since: int, newest: int) -> list[bytes]:
        if self.market.venue.exchange == "bybit":
            return [
                self._orderbook("delta", n, *_sides(dict([self.market.changes[n - 1]]), keep=True))
                for n in range(since + 1, newest + 1)
            ]
        bids, asks = map(_texts, _sides(dict(self.market.changes[since:newest]), keep=True))
        ids = {"U": since + 1, "u": newest}
        if self.market.venue is Venue.BINANCE_USDM:
            ids |= {"pu": since, "T": MS}
        data = {"e": "depthUpdate", "E": MS, "s": SYMBOL, **ids, "b": bids, "a": asks}
        return [js({"stream": "btcusdt@depth@100ms", "data": data})]

    @staticmethod
    def _orderbook(kind: str, u: int, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        data = {"s": SYMBOL, "b": _texts(bids), "a": _texts(asks), "u": u, "seq": u}
        topic = f"orderbook.1000.{SYMBOL}"
        return js({"topic": topic, "type": kind, "ts": MS, "data": data, "cts": MS})

    def _trade(self, number: int) -> dict[str, object]:
        row = {"a": number, "p": "61800.3", "q": "0.5", "f": number, "l": number}
        return row | {"T": MS + number, "m": True, "M": True}

    def _trade_frame(self, number: int) -> bytes:
        if self.market.venue.exchange == "bybit":
            item = {"T": MS + number, "s": SYMBOL, "S": "Buy", "v": "0.5", "p": "61800.3"}
            item |= {"L": "ZeroPlusTick", "i": f"id-{number}", "BT": False, "seq": number}
            topic = f"publicTrade.{SYMBOL}"
            return js({"topic": topic, "type": "snapshot", "ts": MS, "data": [item]})
        data = {"e": "aggTrade", "E": MS, "s": SYMBOL} | self._trade(number)
        return js({"stream": "btcusdt@aggTrade", "data": data})


def _sides(levels: dict[int, int], *, keep: bool = False) -> tuple[dict[int, int], dict[int, int]]:
    """Divide levels into bids and asks; those without size only with `keep`."""
    some = {price: size for price, size in levels.items() if size or keep}
    bids = {price: size for price, size in some.items() if price < 618_000 - 5}
    return bids, {price: size for price, size in some.items() if price not in bids}


def _texts(levels: dict[int, int]) -> list[list[str]]:
    return [[str(Decimal(p) / 10), str(Decimal(s) / 1000)] for p, s in levels.items()]
