"""What a capture holds, read without any of our own decoders: trades, books' updates, tickers.

The programs' reports are compared with this, so it knows the files' format and nothing else.
"""

import gzip
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

SPOT = "spot_btcusdt_20240808"
USDM = "usdm_btcusdt_20240808"
BYBIT_LINEAR = "bybit_linear_20260809"


class Recorded(NamedTuple):
    """A capture's file and the data of its messages, by kind, such as trade or orderbook.200."""

    path: Path
    messages: dict[str, list[dict[str, Any]]]


def read(path: Path) -> Recorded:
    """Read a capture; frames that are no stream's message are left out."""
    messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(path) as lines:
        for line in lines:
            message = msgspec.json.decode(line.partition(b" ")[2])
            if "stream" in message:
                messages[message["stream"].split("@")[1]].append(message["data"])
            elif "topic" in message:
                messages[message["topic"].rpartition(".")[0]].append(message)
    return Recorded(path, messages)


def best_levels(recorded: Recorded) -> dict[int, list[list[str]]]:
    """Return Binance's own best bid and ask with their sizes, by update id."""
    tickers = recorded.messages["bookTicker"]
    return {t["u"]: [[t["b"], t["B"]], [t["a"], t["A"]]] for t in tickers}
