"""python-binance on USD-M: trades from /public, aggregates from /market, and REST."""

import asyncio
import json
import sys
from typing import Any

from binance import AsyncClient, BinanceSocketManager
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

SYMBOL = "BTCUSDT"
ROOM = 200_000


async def main(port: int, last_trade: int) -> dict[str, Any]:
    # A socket waits so long for one more message before it notices that it was closed.
    ReconnectingWebsocket.TIMEOUT = 1
    client = AsyncClient()
    client.FUTURES_URL = f"http://127.0.0.1:{port}/fapi"
    try:
        await client.futures_ping()
        sockets = BinanceSocketManager(client, max_queue_size=ROOM)
        sockets.FSTREAM_URL = f"ws://127.0.0.1:{port}/"
        async with asyncio.TaskGroup() as tasks:
            trades = tasks.create_task(take_trades(sockets, last_trade))
            aggregates = tasks.create_task(take_aggregates(sockets, last_trade))
        listed = await client.futures_exchange_info()
        book = await client.futures_order_book(symbol=SYMBOL, limit=5)
        rest = {"symbols": [s["symbol"] for s in listed["symbols"]], "book": book}
        return {"trades": trades.result(), "aggregates": aggregates.result(), **rest}
    finally:
        await client.close_connection()


async def take_trades(sockets: BinanceSocketManager, last: int) -> list[Any]:
    taken: list[Any] = []
    names = [f"{SYMBOL.lower()}@trade"]
    async with sockets.futures_multiplex_socket(names, category="public") as socket:
        while not taken or taken[-1][0] < last:
            data = (await socket.recv())["data"]
            taken.append([data["t"], data["p"], data["q"], data["m"]])
    return taken


async def take_aggregates(sockets: BinanceSocketManager, last: int) -> list[int]:
    taken: list[int] = []
    async with sockets.aggtrade_futures_socket(SYMBOL) as socket:
        while not taken or taken[-1] < last:
            taken.append((await socket.recv())["data"]["l"])
    return taken


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*map(int, sys.argv[1:])))))
