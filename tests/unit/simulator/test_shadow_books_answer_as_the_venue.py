"""The shadow books join as the venue's own rules say."""

import msgspec
import pytest

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.shadow import ShadowBooks


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
