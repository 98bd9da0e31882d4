"""The shadow books equal Binance's own ticker at equal update ids, and join by the rules."""

from pathlib import Path

import msgspec
import pytest

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import read_capture
from cloud_marketdata.simulator.shadow import ShadowBooks

DATA = Path(__file__).parents[3].parent / "shared" / "data"


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


def diff(first: int, last: int, *, before: int | None = None, bid: str = "1") -> bytes:
    data = {
        "e": "depthUpdate",
        "s": "BTCUSDT",
        "U": first,
        "u": last,
        "b": [["10.0", bid]],
        "a": [],
    }
    if before is not None:
        data |= {"pu": before, "E": 5, "T": 4}
    return msgspec.json.encode({"stream": "btcusdt@depth@100ms", "data": data})


def bare(update_id: int) -> bytes:
    return b'{"lastUpdateId":%d,"bids":[["9.0","7"]],"asks":[["11.0","8"]]}' % update_id


def answered(venue: Venue, frames: list[bytes]) -> dict | None:
    books = ShadowBooks(venue)
    for payload in frames:
        books.receive(payload)
    reply = books.snapshot("BTCUSDT")
    return msgspec.json.decode(reply) if reply else None


def test_nothing_is_answered_before_the_snapshot():
    assert answered(Venue.BINANCE_SPOT, [diff(1, 5)]) is None


def test_spot_joins_where_the_snapshot_falls_between_two_events():
    reply = answered(Venue.BINANCE_SPOT, [diff(1, 5), diff(6, 9), bare(5)])
    assert reply == {
        "lastUpdateId": 9,
        "bids": [["10.0", "1"], ["9.0", "7"]],
        "asks": [["11.0", "8"]],
    }


def test_spot_refuses_a_snapshot_older_than_the_first_event():
    assert answered(Venue.BINANCE_SPOT, [diff(7, 9), bare(5)]) is None


def test_usdm_joins_where_the_event_ends_at_the_snapshot():
    frames = [diff(1, 5, before=0), bare(5), diff(46, 50, before=5, bid="2")]
    reply = answered(Venue.BINANCE_USDM, frames)
    assert reply is not None
    assert (reply["lastUpdateId"], reply["E"], reply["T"]) == (50, 5, 4)
    assert reply["bids"][0] == ["10.0", "2"]


def test_usdm_is_held_together_by_pu_alone():
    frames = [diff(1, 5, before=0), bare(5), diff(6, 9, before=4)]
    assert answered(Venue.BINANCE_USDM, frames) is None


@pytest.mark.parametrize("venue", [Venue.BINANCE_SPOT, Venue.BINANCE_USDM])
def test_a_lost_delta_empties_the_book_until_the_next_snapshot(venue):
    usdm = venue is Venue.BINANCE_USDM
    steps = [diff(n, n, before=n - 1 if usdm else None) for n in range(1, 9)]
    lost = [*steps[:2], bare(2), *steps[2:4], *steps[5:]]
    assert answered(venue, lost) is None
    assert answered(venue, [*lost, bare(7)])["lastUpdateId"] == 8


def test_a_frame_that_cannot_be_read_changes_nothing():
    frames = [diff(1, 5), bare(5), b'{"stream":"btcusdt@depth","data":{"e":"depthUpdate"}}']
    assert answered(Venue.BINANCE_SPOT, frames)["lastUpdateId"] == 5


def test_two_symbols_snapshots_are_told_apart_by_their_ids():
    other = diff(9001, 9005).replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT")
    books = ShadowBooks(Venue.BINANCE_SPOT)
    for payload in [diff(1, 5), other, bare(9004), bare(3)]:
        books.receive(payload)
    replies = [msgspec.json.decode(books.snapshot(s)) for s in ("BTCUSDT", "ETHUSDT")]
    assert [reply["lastUpdateId"] for reply in replies] == [5, 9005]
