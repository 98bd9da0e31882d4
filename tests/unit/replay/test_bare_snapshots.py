"""Recorded snapshots find their book, whatever else is in the capture."""

import json

import pytest

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.replay.player import Player
from cloud_marketdata.replay.report import report
from cloud_marketdata.simulator.capture import Frame

AT = 1_723_161_300_000


def depth(symbol: str, first: int, last: int, price: str, before: int | None = None) -> bytes:
    data = {"e": "depthUpdate", "E": AT, "T": AT, "s": symbol, "U": first, "u": last}
    data |= {"pu": before, "b": [[price, "1"]], "a": []}
    return json.dumps({"stream": f"{symbol.lower()}@depth@100ms", "data": data}).encode()


def bare(update_id: int, bid: str, ask: str, **more: str) -> bytes:
    body = {"lastUpdateId": update_id, "bids": [[bid, "1"]], "asks": [[ask, "1"]], **more}
    return json.dumps(body).encode()


def told_trade(kind: str, number: int) -> bytes:
    data = {"e": kind, "E": AT, "s": "BTCUSDT", "p": "61800.1", "q": "0.5", "T": AT, "m": True}
    ids = {"t": number} if kind == "trade" else {"a": number, "f": number, "l": number}
    return json.dumps({"stream": f"btcusdt@{kind}", "data": data | ids}).encode()


def replayed(venue: Venue, *payloads: bytes) -> dict:
    player = Player(venue)
    player.play(Frame(AT * 1_000_000, payload) for payload in payloads)
    return report(player)


def states(found: dict) -> dict[str, tuple[str, int]]:
    books = {symbol: told["book"] for symbol, told in found["symbols"].items()}
    return {symbol: (book["state"], book["crossed"]) for symbol, book in books.items()}


SYNCED = {"BTCUSDT": ("synced", 0), "ETHUSDT": ("synced", 0)}


def test_snapshots_that_come_before_every_delta_wait_for_their_books():
    found = replayed(
        Venue.BINANCE_SPOT,
        bare(100, "61800", "61801"),
        bare(900, "2600", "2601"),
        depth("BTCUSDT", 101, 102, "61799"),
        depth("ETHUSDT", 901, 902, "2599"),
    )
    assert states(found) == SYNCED


def test_shared_ids_do_not_lead_a_snapshot_into_a_book_of_another_price():
    found = replayed(
        Venue.BINANCE_USDM,
        depth("BTCUSDT", 100, 110, "61799", 99),
        depth("ETHUSDT", 111, 150, "2599", 98),
        bare(112, "2600", "2601"),
        bare(109, "61800", "61801"),
        depth("BTCUSDT", 151, 152, "61798", 110),
        depth("ETHUSDT", 153, 154, "2598", 150),
    )
    assert states(found) == SYNCED


def test_a_snapshot_that_names_its_symbol_goes_there():
    found = replayed(
        Venue.BINANCE_SPOT,
        depth("BTCUSDT", 101, 102, "1.01"),
        depth("ETHUSDT", 103, 104, "1.02"),
        bare(102, "1.02", "1.03", s="ETHUSDT"),
        bare(100, "1.01", "1.02", s="BTCUSDT"),
    )
    assert states(found) == SYNCED


@pytest.mark.parametrize(
    "body", [b'{"lastUpdateId":"x"}', b'{"lastUpdateId":1,"bids":[["a","b"]]}']
)
def test_a_snapshot_that_cannot_be_read_is_counted_and_stops_nothing(body):
    found = replayed(Venue.BINANCE_SPOT, depth("BTCUSDT", 1, 2, "9"), body, told_trade("trade", 7))
    assert sum(found["rejected"].values()) <= 1
    assert found["symbols"]["BTCUSDT"]["trades"] == 1


def test_a_tape_told_by_trade_and_by_aggregate_trade_is_counted_once():
    frames = [told_trade(kind, n) for n in range(5, 10) for kind in ("aggTrade", "trade")]
    found = replayed(Venue.BINANCE_USDM, *frames)["symbols"]["BTCUSDT"]
    assert (found["trades"], found["trade_gaps"], found["duplicates"]) == (5, [], 0)
