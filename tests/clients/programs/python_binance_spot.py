"""python-binance on spot: every trade, and the order book that its DepthCacheManager keeps."""

import asyncio
import json
import sys
from decimal import Decimal
from typing import Any

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

SYMBOL = "BTCUSDT"
ROOM = 200_000
# Sorting the whole book is what the manager does for whoever asks for its best level.
LOOK_EVERY = 5


async def main(port: int, last_trade: int, last_event: int) -> dict[str, Any]:
    # A socket waits so long for one more message before it notices that it was closed.
    ReconnectingWebsocket.TIMEOUT = 1
    client = AsyncClient()
    client.API_URL = f"http://127.0.0.1:{port}/api"
    try:
        await client.ping()
        sockets = BinanceSocketManager(client, max_queue_size=ROOM)
        sockets.STREAM_URL = f"ws://127.0.0.1:{port}/"
        async with asyncio.TaskGroup() as tasks:
            trades = tasks.create_task(take_trades(sockets, last_trade))
            tops = tasks.create_task(keep_book(client, sockets, last_event))
        rows = await client.get_aggregate_trades(symbol=SYMBOL, fromId=last_trade - 9, limit=10)
        return {"trades": trades.result(), "tops": tops.result(), "rows": [r["a"] for r in rows]}
    finally:
        await client.close_connection()


async def take_trades(sockets: BinanceSocketManager, last: int) -> list[Any]:
    taken: list[Any] = []
    async with sockets.trade_socket(SYMBOL) as socket:
        while not taken or taken[-1][0] < last:
            message = await socket.recv()
            taken.append([message["t"], message["p"], message["q"], message["m"]])
    return taken


async def keep_book(client: AsyncClient, sockets: BinanceSocketManager, last: int) -> list[Any]:
    """Return the event time and the best level of each side after every few updates."""
    tops: list[Any] = []
    manager = DepthCacheManager(
        client, SYMBOL, bm=sockets, limit=1000, conv_type=Decimal, ws_interval=100
    )
    async with manager as updates:
        time, count = 0, 0
        while time < last:
            book = await updates.recv()
            time, count = book.update_time, count + 1
            if count % LOOK_EVERY == 0:
                sides = (book.get_bids(), book.get_asks())
                tops.append([time, *([str(number) for number in side[0]] for side in sides)])
    return tops


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*map(int, sys.argv[1:])))))
