"""A bot in thirty lines: it follows trades and the book, misses nothing, and stands aside in doubt.

It never trades. Run it beside `make demo`:
`.venv/bin/python examples/bot.py ws://127.0.0.1:8000/v1/stream`. A service that asks for a key gets
the one in MARKETDATA_KEY.
"""

import argparse
import asyncio
import json
import os
from collections import deque
from contextlib import suppress
from decimal import Decimal

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def follow(url: str, market: dict[str, str]) -> None:
    """Print the best quotes, and what the last 200 trades lean to, for ever."""
    place: dict[str, str | int] = {}  # behind which trade to go on when the connection is lost
    flow: deque[Decimal] = deque(maxlen=200)
    key = os.environ.get("MARKETDATA_KEY")
    shown = {"Authorization": f"Bearer {key}"} if key else None
    async for socket in connect(url, additional_headers=shown):  # and again, whenever it is lost
        trades = {"name": "trades", **market} | ({"from": place} if place else {})
        wanted = [trades, {"name": "depth", "levels": 5, **market}]
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": wanted}))
        with suppress(ConnectionClosed):
            async for text in socket:
                match json.loads(text):
                    case {"channel": "trades", "prev_seq": before} if before != place.get("seq"):
                        print(f"missed what came before {before}: once more")
                        break
                    case {"channel": "trades", "data": [*found], "epoch": epoch, "seq": seq}:
                        place = {"epoch": epoch, "seq": seq}
                        taken = ((Decimal(trade["size"]), trade["side"]) for trade in found)
                        flow.extend(size if side == "buy" else -size for size, side in taken)
                    case {
                        "channel": "depth",
                        "data": {"best_bid": {"price": bid}, "best_ask": {"price": ask}},
                    }:
                        print(f"{bid} / {ask}: takers lean by {sum(flow, Decimal(0))}")
                    case {"type": "status", "channel": channel, "data": told}:
                        print(f"{channel}: {told['detail']}")  # a gap, or no book to believe
                        flow.clear()
                        if told.get("ended"):  # what came behind `place` is not there any more
                            place = {}
                            break
                    case {"ok": False, **refused}:
                        raise SystemExit(json.dumps(refused))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow a market; Ctrl-C ends it.")
    parser.add_argument("url", nargs="?", default="ws://127.0.0.1:8000/v1/stream")
    parser.add_argument("--venue", default="binance-usdm")
    parser.add_argument("--symbol", default="BTCUSDT")
    asked = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(follow(asked.url, {"venue": asked.venue, "symbol": asked.symbol}))
