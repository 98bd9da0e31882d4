"""ccxt on Binance, spot or USD-M: every trade by watch_trades, the book by watch_order_book."""

import asyncio
import json
import sys
from typing import Any

from ccxt import pro

SYMBOLS = {"spot": "BTC/USDT", "linear": "BTC/USDT:USDT"}
ROOM = 200_000
DEPTH = 1000
NEAR = 100


def exchange(kind: str, port: int) -> pro.binance:
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    addresses = {
        "public": f"{http}/api/v3",
        "fapiPublic": f"{http}/fapi/v1",
        "ws": {"spot": f"{ws}/ws", "linear": f"{ws}/ws"},
    }
    options = {"fetchMarkets": {"types": [kind]}, "tradesLimit": ROOM}
    return pro.binance({"urls": {"api": addresses}, "options": options})


async def main(kind: str, port: int, last_trade: int, last_update: int) -> dict[str, Any]:
    client, symbol = exchange(kind, port), SYMBOLS[kind]
    try:
        market = (await client.load_markets())[symbol]
        async with asyncio.TaskGroup() as tasks:
            trades = tasks.create_task(take_trades(client, symbol, last_trade))
            tops = tasks.create_task(keep_book(client, symbol, last_update))
        rows = await client.fetch_trades(symbol, limit=10, params={"fromId": last_trade - 9})
        asked = await client.fetch_order_book(symbol, DEPTH)
        return {
            "kept": shown(client.orderbooks[symbol]),
            "asked": shown(asked),
            "precision": market["precision"],
            "trades": trades.result(),
            "tops": tops.result(),
            "rows": [row["id"] for row in rows],
        }
    finally:
        await client.close()


async def take_trades(client: pro.binance, symbol: str, last: int) -> list[Any]:
    taken: list[Any] = []
    while not taken or taken[-1][0] < last:
        for trade in await client.watch_trades(symbol):
            info = trade["info"]
            taken.append([int(trade["id"]), info["p"], info["q"], trade["side"]])
    return taken


async def keep_book(client: pro.binance, symbol: str, last: int) -> list[Any]:
    """Return the update id and the best level of each side whenever ccxt shows a new book."""
    tops: list[Any] = []
    while not tops or tops[-1][0] < last:
        book = await client.watch_order_book(symbol, DEPTH)
        tops.append(
            [book["nonce"], *([repr(n) for n in side[0]] for side in (book["bids"], book["asks"]))]
        )
    return tops


def shown(book: dict[str, Any]) -> dict[str, Any]:
    """Return a book's update id and its levels near the touch."""
    sides = {side: [level[:2] for level in book[side][:NEAR]] for side in ("bids", "asks")}
    return {"nonce": book["nonce"], **sides}


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(main(kind, *map(int, numbers)))))
