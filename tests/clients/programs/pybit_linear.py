"""pybit on Bybit linear: every trade, each book as pybit keeps it, and three REST questions."""

import json
import queue
import sys
import threading
from typing import Any

from pybit import unified_trading
from pybit.unified_trading import HTTP, WebSocket

DEPTH = 200
ROOM = 100_000
PATIENCE_S = 20


def main(port: int, wanted: dict[str, int]) -> dict[str, Any]:
    """`wanted` tells the last update id of each symbol's book."""
    # pybit builds its address from a subdomain, a domain and a top level; a port fits nowhere.
    unified_trading.PUBLIC_WSS = f"ws://127.0.0.1:{port}/v5/public/{{CHANNEL_TYPE}}"
    rest = HTTP()
    rest.endpoint = f"http://127.0.0.1:{port}"
    subscribed = threading.Event()

    def receive(message: dict[str, Any]) -> None:
        # pybit notes a subscription after it has sent it, and an answer on loopback is faster.
        subscribed.wait(PATIENCE_S)
        socket._handle_incoming_message(message)

    socket = WebSocket("linear", testnet=False, callback_function=receive)
    told: queue.Queue[tuple[str, Any]] = queue.Queue(ROOM)
    socket.trade_stream(list(wanted), lambda m: told.put(("trade", m["data"])))
    socket.orderbook_stream(DEPTH, list(wanted), lambda m: told.put(("book", named(m["data"]))))
    subscribed.set()
    taken = take(told, dict(wanted))
    socket.exit()
    return taken | {"rest": ask(rest, next(iter(wanted))), "books": socket.data}


def take(told: "queue.Queue[tuple[str, Any]]", waiting: dict[str, int]) -> dict[str, Any]:
    """Take messages until the last update of every book has come."""
    trades: list[Any] = []
    updates: list[int] = []
    while waiting:
        kind, data = told.get(timeout=PATIENCE_S)
        if kind == "trade":
            trades += [[t["s"], t["i"], t["p"], t["v"], t["S"]] for t in data]
        else:
            symbol, update = data
            updates.append(update)
            if update == waiting.get(symbol):
                del waiting[symbol]
    return {"trades": trades, "updates": updates}


def named(book: dict[str, Any]) -> tuple[str, int]:
    """Tell which book and which update; pybit goes on changing the book itself."""
    return book["s"], book["u"]


def ask(rest: HTTP, symbol: str) -> dict[str, Any]:
    listed = rest.get_instruments_info(category="linear", symbol=symbol)["result"]["list"]
    recent = rest.get_public_trade_history(category="linear", symbol=symbol)["result"]["list"]
    book = rest.get_orderbook(category="linear", symbol=symbol, limit=DEPTH)["result"]
    return {"listed": listed, "recent": [row["execId"] for row in recent], "book": book}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
