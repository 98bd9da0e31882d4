"""ccxt on Bybit linear: every trade and each book, several symbols over one socket."""

import asyncio
import json
import sys
from typing import Any

from ccxt import pro

DEPTH = 200
ROOM = 100_000
LOOK_EVERY_S = 0.05


def exchange(port: int) -> pro.bybit:
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/v5/public"
    addresses = {"public": http, "ws": {"public": {"linear": f"{ws}/linear"}}}
    options = {"fetchMarkets": {"types": ["linear"]}, "tradesLimit": ROOM}
    return pro.bybit({"urls": {"api": addresses}, "options": options})


async def main(port: int, wanted: dict[str, int]) -> dict[str, Any]:
    """`wanted` tells the time (ms) of the last book message of each symbol."""
    client = exchange(port)
    try:
        markets = await client.load_markets()
        names = {market["id"]: name for name, market in markets.items()}
        symbols = [names[symbol] for symbol in wanted]
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(follow_trades(client, symbols)),
                tasks.create_task(follow_books(client, symbols)),
            ]
            while not all(  # noqa: ASYNC110  ccxt's books are looked at, they set no event
                arrived(client, names[symbol], last) for symbol, last in wanted.items()
            ):
                await asyncio.sleep(LOOK_EVERY_S)
            for task in watching:
                task.cancel()
        books = {symbol: shown(client.orderbooks[names[symbol]]) for symbol in wanted}
        trades = [taken(trade["info"]) for name in symbols for trade in client.trades[name]]
        return {"precision": markets[symbols[0]]["precision"], "trades": trades, "books": books}
    finally:
        await client.close()


async def follow_trades(client: pro.bybit, symbols: list[str]) -> None:
    # Of messages that came together it returns one symbol's trades, so they are read where ccxt
    # keeps them.
    while True:
        await client.watch_trades_for_symbols(symbols)


async def follow_books(client: pro.bybit, symbols: list[str]) -> None:
    while True:
        await client.watch_order_book_for_symbols(symbols, DEPTH)


def taken(info: dict[str, Any]) -> list[Any]:
    return [info["s"], info["i"], info["p"], info["v"], info["S"]]


def arrived(client: pro.bybit, symbol: str, last: int) -> bool:
    book = client.orderbooks.get(symbol)
    return book is not None and book["timestamp"] is not None and book["timestamp"] >= last


def shown(book: dict[str, Any]) -> dict[str, Any]:
    return {side: [[repr(n) for n in level] for level in book[side]] for side in ("bids", "asks")}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))))
