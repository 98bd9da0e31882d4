"""The simulator's shadow books equal Binance's own ticker at equal update ids."""

from pathlib import Path

import msgspec
import pytest

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import read_capture
from cloud_marketdata.simulator.shadow import ShadowBooks

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def recorded(*names: str) -> list[bytes]:
    paths = [DATA / f"{name}.gz" for name in names]
    if not paths[0].exists():
        pytest.skip("the captures of ../shared/data are not here")
    return [frame.payload for frame in read_capture(paths)]


# How often the ids meet is published beside the captures (oracles/README.md).
@pytest.mark.parametrize(
    ("venue", "files", "meetings"),
    [
        (Venue.BINANCE_SPOT, ["spot_btcusdt_20240808", "spot_btcusdt_20240809"], 1072),
        (Venue.BINANCE_USDM, ["usdm_btcusdt_20240808"], 629),
        (Venue.BINANCE_USDM, ["usdm_btcusdt_20240718", "usdm_btcusdt_20240719"], 625),
    ],
)
def test_the_top_equals_the_venues_ticker_at_the_same_update_id(venue, files, meetings):
    frames = recorded(*files)
    tickers = {}
    for data in (msgspec.json.decode(p)["data"] for p in frames if b"@bookTicker" in p):
        tickers[data["u"]] = [[data["b"], data["B"]], [data["a"], data["A"]]]
    books, equal = ShadowBooks(venue), 0
    for payload in frames:
        books.receive(payload)
        if b"@depth" not in payload:
            continue
        expected = tickers.get(msgspec.json.decode(payload)["data"]["u"])
        reply = books.snapshot("BTCUSDT", 1) if expected else None
        if reply:
            top = msgspec.json.decode(reply)
            assert [top["bids"][0], top["asks"][0]] == expected
            equal += 1
    assert equal == meetings


def test_a_bybit_book_follows_its_topic_without_a_gap():
    frames = recorded("bybit_linear_20260809")
    books = ShadowBooks(Venue.BYBIT_LINEAR)
    for payload in frames:
        books.receive(payload)
    newest = [p for p in frames if b'"orderbook.200.SOLUSDT"' in p][-1]
    seen = msgspec.json.decode(books.snapshot("SOLUSDT"))
    assert seen["topic"] == "orderbook.200.SOLUSDT"
    assert seen["type"] == "snapshot"
    assert seen["data"]["u"] == msgspec.json.decode(newest)["data"]["u"]
    assert (len(seen["data"]["b"]), len(seen["data"]["a"])) == (200, 200)
