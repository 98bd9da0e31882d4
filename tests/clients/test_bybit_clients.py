"""Public Bybit clients receive what the capture holds, and keep the books that it describes."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from recorded import Recorded
from stage import playing, received

SPEED = 20
DEPTH = 200


def trades_of(recorded: Recorded) -> list[list[str]]:
    messages = recorded.messages["publicTrade"]
    return [[t["s"], t["i"], t["p"], t["v"], t["S"]] for m in messages for t in m["data"]]


def last_books(recorded: Recorded) -> dict[str, dict[str, Any]]:
    """Return the last book message of each symbol."""
    return {m["data"]["s"]: m for m in recorded.messages[f"orderbook.{DEPTH}"]}


def rebuilt(recorded: Recorded, symbol: str, side: str) -> list[list[Decimal]]:
    """Return one side of a book after its last message: sizes by price, zero takes away."""
    sizes: dict[str, str] = {}
    for message in recorded.messages[f"orderbook.{DEPTH}"]:
        if message["data"]["s"] == symbol:
            kept = {} if message["type"] == "snapshot" else sizes
            sizes = kept | dict(message["data"][side])
    return exact([price, size] for price, size in sizes.items() if Decimal(size))


def exact(levels: Iterable[Sequence[str]]) -> list[list[Decimal]]:
    return sorted([Decimal(number) for number in level[:2]] for level in levels)


@pytest.fixture(scope="module")
def by_pybit(linear):
    last = {symbol: message["data"]["u"] for symbol, message in last_books(linear).items()}
    with playing("bybit-linear", linear.path, SPEED) as port:
        return received("pybit_linear", port, json.dumps(last))


@pytest.fixture(scope="module")
def by_ccxt(linear):
    last = {symbol: message["ts"] for symbol, message in last_books(linear).items()}
    with playing("bybit-linear", linear.path, SPEED) as port:
        return received("ccxt_bybit", port, json.dumps(last))


def test_pybit_gets_every_trade_and_every_book_message(linear, by_pybit):
    assert by_pybit["trades"] == trades_of(linear)
    assert by_pybit["updates"] == [m["data"]["u"] for m in linear.messages[f"orderbook.{DEPTH}"]]


def test_pybit_finds_the_instrument_the_newest_trades_and_the_book_by_rest(linear, by_pybit):
    rest = by_pybit["rest"]
    symbol = rest["listed"][0]["symbol"]
    ids = [row[1] for row in trades_of(linear) if row[0] == symbol]

    assert rest["recent"] == ids[::-1]
    assert rest["book"]["u"] == last_books(linear)[symbol]["data"]["u"]
    for side in ("b", "a"):
        assert exact(rest["book"][side]) == rebuilt(linear, symbol, side)


def test_ccxt_gets_every_trade(linear, by_ccxt):
    def symbol(trade: list[str]) -> str:
        return trade[0]

    # The order of arrival is kept within each symbol: sorting leaves equals where they are.
    assert sorted(by_ccxt["trades"], key=symbol) == sorted(trades_of(linear), key=symbol)
    assert by_ccxt["precision"]["price"] == 0.1


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"])
def test_pybit_and_ccxt_keep_the_book_that_the_capture_describes(linear, by_pybit, by_ccxt, symbol):
    by_topic, by_side = by_pybit["books"][f"orderbook.{DEPTH}.{symbol}"], by_ccxt["books"][symbol]
    for key, side in (("b", "bids"), ("a", "asks")):
        levels = rebuilt(linear, symbol, key)

        assert len(levels) == DEPTH
        assert exact(by_topic[key]) == levels
        assert exact(by_side[side]) == levels
