"""cryptofeed on Binance spot: every trade, and the order book that its feed keeps."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.defines import ASK, BID, L2_BOOK, TRADES
from cryptofeed.exchanges import Binance

SYMBOL = "BTC-USDT"


class Taken:
    """What the feed has told; the loop is stopped after the last trade and the last update."""

    def __init__(self, last_trade: int, last_event: int) -> None:
        self.trades: list[Any] = []
        self.tops: list[Any] = []
        self._waiting = {TRADES: last_trade, L2_BOOK: last_event}

    async def trade(self, order_id: int, price: Decimal, amount: Decimal, **told: Any) -> None:  # noqa: ANN401  cryptofeed's own call
        """Take one aggregate, of which a recording of single trades has as many."""
        self.trades.append([order_id, str(price), str(amount), told["side"]])
        self._reached(TRADES, order_id)

    async def book(self, book: Mapping[str, Any], timestamp: float, **_: Any) -> None:  # noqa: ANN401  cryptofeed's own call
        """Take the best level of each side after one update."""
        time = round(timestamp * 1000)
        best = (book[BID].peekitem(-1), book[ASK].peekitem(0))
        self.tops.append([time, *([str(number) for number in level] for level in best)])
        self._reached(L2_BOOK, time)

    def _reached(self, channel: str, place: int) -> None:
        if place >= self._waiting.get(channel, place + 1):
            del self._waiting[channel]
        if not self._waiting:
            asyncio.get_running_loop().stop()


def main(port: int, tls_port: int, last_trade: int, last_event: int) -> dict[str, Any]:
    taken = Taken(last_trade, last_event)
    Binance.symbol_endpoint = f"http://127.0.0.1:{port}/api/v3/exchangeInfo"
    feed = Binance(
        symbols=[SYMBOL],
        channels=[TRADES, L2_BOOK],
        callbacks={TRADES: taken.trade, L2_BOOK: taken.book},
    )
    feed.rest_endpoint = f"http://127.0.0.1:{port}/api/v3"
    feed.address = feed.address.replace(feed.ws_endpoint, f"wss://127.0.0.1:{tls_port}")
    quiet = {"filename": os.devnull, "level": "ERROR", "disabled": False}
    handler = FeedHandler(config={"log": quiet, "uvloop": False})
    handler.add_feed(feed)
    # Its own way to end gives asyncio an argument that Python 3.10 took away.
    handler.run(start_loop=False, install_signal_handlers=False)
    asyncio.get_event_loop_policy().get_event_loop().run_forever()
    return {"trades": taken.trades, "tops": taken.tops}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:]))))
    sys.stdout.flush()
