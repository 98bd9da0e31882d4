"""A venue in virtual time that any number of collectors hear: it makes trades and remembers all."""

import json
from decimal import Decimal

from frames import agg, item, js, wrapped
from virtual import Wire

from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import NS_PER_MS, Venue

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_NEWEST = 1000


class Exchange:
    """Speaks as Binance spot or as Bybit's linear market; `made` are its trades by symbol.

    remembers: how many of its newest trades Bybit tells. Each `tick` makes a trade and a change of
    the book for every symbol. Who is subscribed hears it.
    """

    def __init__(self, venue: Venue, clock) -> None:
        self.venue = venue
        self.clock = clock
        self.made: dict[str, list[dict]] = {symbol: [] for symbol in SYMBOLS}
        self._wires: list[Subscribed] = []
        self._number = 0
        self.remembers = _NEWEST

    def wire(self, url: str, receiver, clock) -> "Subscribed":
        """Open a connection."""
        wire = Subscribed(url, receiver, clock, self)
        self._wires.append(wire)
        return wire

    def tick(self) -> None:
        """Make one trade of every symbol, and tell it."""
        self._wires = [wire for wire in self._wires if not wire.gone.is_set()]
        self._number += 1
        for symbol in SYMBOLS:
            trade = self._trade(symbol)
            self.made[symbol].append(trade)
            for wire in self._wires:
                if self.trades_of(symbol) in wire.topics:
                    wire.bring(self._told(symbol, trade))
                if self.book_of(symbol) in wire.topics:
                    wire.bring(self.book(symbol, "delta"))

    def ids(self, symbol: str) -> list[int | str]:
        """Return the ids of all trades of a symbol."""
        return [trade["i" if self._bybit else "a"] for trade in self.made[symbol]]

    def trades_of(self, symbol: str) -> str:
        """Return the topic of a symbol's trades."""
        return f"publicTrade.{symbol}" if self._bybit else f"{symbol.lower()}@aggTrade"

    def book_of(self, symbol: str) -> str:
        """Return the topic of a symbol's book."""
        return f"orderbook.200.{symbol}" if self._bybit else f"{symbol.lower()}@depth@100ms"

    def book(self, symbol: str, kind: str) -> bytes:
        """Return a frame of the book."""
        u, ms = 10 + self._number, self._ms
        if self._bybit:
            data = {"s": symbol, "b": [["9.00", "1"]], "a": [["11.00", "2"]], "u": u, "seq": u}
            topic = self.book_of(symbol)
            return js({"topic": topic, "type": kind, "ts": ms, "data": data, "cts": ms})
        change = {"U": u, "u": u, "b": [["9.00", str(u)]], "a": []}
        return wrapped(self.book_of(symbol), {"e": "depthUpdate", "E": ms, "s": symbol} | change)

    async def get(self, ask) -> bytes:
        """See Rest."""
        path, _, query = ask.path.partition("?")
        asked = dict(part.split("=") for part in query.split("&"))
        symbol = asked.get("symbol", "")
        if "instruments-info" in path:
            return js({"retCode": 0, "retMsg": "OK", "result": self._listed()})
        if "exchangeInfo" in path:
            return self._info()
        if "recent-trade" in path:
            rows = [self._row(trade) for trade in reversed(self.made[symbol][-self.remembers :])]
            return js({"retCode": 0, "retMsg": "OK", "result": {"list": rows}})
        if "aggTrades" in path:
            since = int(asked.get("fromId", 0))
            rows = [trade for trade in self.made[symbol] if trade["a"] >= since]
            return js(rows[: int(asked["limit"])])
        if "depth" in path:
            side = [["9.00", "1"]], [["11.00", "2"]]
            return js({"lastUpdateId": 10 + self._number, "bids": side[0], "asks": side[1]})
        msg = f"GET {ask.path}: not served"
        raise VenueError(msg)

    @property
    def _bybit(self) -> bool:
        return self.venue is Venue.BYBIT_LINEAR

    @property
    def _ms(self) -> int:
        return self.clock.now() // NS_PER_MS

    def _trade(self, symbol: str) -> dict:
        number, price = self._number, str(Decimal(10) + Decimal(self._number % 7) / 100)
        if self._bybit:
            name = f"{symbol}-{number}"
            return item(s=symbol, i=name, T=self._ms, p=price, seq=number, v="1")
        return agg(s=symbol, a=number, f=number, l=number, T=self._ms, E=self._ms, p=price, q="1")

    def _told(self, symbol: str, trade: dict) -> bytes:
        topic = self.trades_of(symbol)
        if self._bybit:
            return js({"topic": topic, "type": "snapshot", "ts": self._ms, "data": [trade]})
        return wrapped(topic, trade)

    @staticmethod
    def _row(trade: dict) -> dict:
        names = {"execId": "i", "symbol": "s", "price": "p", "size": "v", "side": "S"}
        row = {name: trade[key] for name, key in names.items()}
        return row | {"time": str(trade["T"]), "seq": str(trade["seq"]), "isBlockTrade": False}

    @staticmethod
    def _info() -> bytes:
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "stepSize": "1"},
        ]
        rows = [{"symbol": s, "status": "TRADING", "quoteAsset": "USDT"} for s in SYMBOLS]
        return js({"symbols": [row | {"filters": filters} for row in rows]})

    @staticmethod
    def _listed() -> dict:
        grid = {"priceFilter": {"tickSize": "0.01"}, "lotSizeFilter": {"qtyStep": "1"}}
        state = {"status": "Trading", "quoteCoin": "USDT", "contractType": "LinearPerpetual"}
        rows = [{"symbol": symbol, "baseCoin": symbol[:3]} | state | grid for symbol in SYMBOLS]
        return {"category": "linear", "list": rows, "nextPageCursor": ""}


class Subscribed(Wire):
    """A connection that gets what it asked for; while its process is paused it waits here."""

    def __init__(self, url: str, receiver, clock, exchange: Exchange) -> None:
        super().__init__(url, receiver, clock)
        self.topics: set[str] = set()
        self._exchange = exchange
        self._waiting: list[bytes] = []

    def send(self, payload: bytes) -> None:
        """Take a command and answer it."""
        super().send(payload)
        command = json.loads(payload)
        names = command.get("args") or command.get("params") or []
        act = str(command.get("op") or command.get("method")).lower()
        if act == "unsubscribe":
            self.topics.difference_update(names)
        elif act == "subscribe":
            self.topics.update(names)
            for symbol in SYMBOLS:
                if "orderbook" in self._exchange.book_of(symbol) and any(
                    name.startswith("orderbook") and name.endswith(symbol) for name in names
                ):
                    self.bring(self._exchange.book(symbol, "snapshot"))

    def bring(self, payload: bytes) -> None:
        """Have a frame heard, at once or when the process runs again."""
        self._waiting.append(payload)
        if not self._clock.paused:
            self.flush()

    def flush(self) -> None:
        """Have heard what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.hear(*waiting)
