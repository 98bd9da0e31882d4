"""Leaving messages out of gapless captures: every hole is found at once and mended.

The expectation is computed from the raw ids by this file alone. The venue's own ticker, and the
book of the undisturbed replay, say whether the mended book is right.
"""

from itertools import pairwise

import msgspec
import pytest
from recordings import BYBIT, SPOT_0808, USDM_0404, USDM_0718, frames, player

from cloud_marketdata.replay.player import Drop
from cloud_marketdata.replay.report import report
from cloud_marketdata.storage.ports import BookState

DEPTH = {"usdm-0718": USDM_0718, "spot-0808": SPOT_0808, "bybit": BYBIT}


def _depth_symbol(payload: bytes) -> str | None:
    """Whose book a raw frame changes; `player` counts the same frames when it leaves some out."""
    if b'"depthUpdate"' not in payload and b'"topic":"orderbook.' not in payload:
        return None
    return msgspec.json.decode(payload)["data"]["s"]


@pytest.mark.parametrize("every", [7, pytest.param(50, marks=pytest.mark.long), 400])
@pytest.mark.parametrize("name", sorted(DEPTH))
def test_a_left_out_depth_message_is_found_at_the_next_one(data, played, name, every):
    recording = DEPTH[name]
    dropping = player(data, recording.venue, Drop(every, "depth"))
    lanes = dropping.intake.lanes
    hole: dict[str, bool] = {}
    expected = seen = 0
    # Every gap costs a whole snapshot, so of the many only the first part of a capture is played.
    for frame in frames(data, recording)[: None if every > 7 else 12_000]:
        symbol = _depth_symbol(frame.payload)
        seen += symbol is not None
        left_out = symbol is not None and seen % every == 0
        lane = lanes.get(symbol or "")
        joined = lane is not None and lane.sync.state is BookState.SYNCED
        gaps = lane.sync.gaps if lane else 0
        dropping.play([frame])
        if symbol is None:
            continue
        # A snapshot in the stream replaces the book, so what was lost before it does not matter.
        found = joined and not left_out and hole.get(symbol, False)
        expected += found
        hole[symbol] = left_out
        assert (lanes[symbol].sync.gaps if symbol in lanes else 0) == gaps + found
    assert dropping.dropped == seen // every
    assert expected > 0
    document = report(dropping)
    _is_whole_again(document, expected, dropping, played(name))
    if every > 7 and name != "bybit":
        # Between the gaps the venue's own tickers still prove the book.
        assert document["symbols"]["BTCUSDT"]["book"]["ticker_equal"] > 500


def _is_whole_again(document, expected, dropping, undisturbed) -> None:
    books = {symbol: item["book"] for symbol, item in document["symbols"].items()}
    assert sum(book["gaps"] for book in books.values()) == expected
    assert sum(book["resyncs"] for book in books.values()) >= expected - len(books)
    for symbol, book in books.items():
        assert (book["ticker_different"], book["crossed"]) == (0, 0)
        ours, theirs = (p.intake.lanes[symbol].sync for p in (dropping, undisturbed))
        if ours.state is BookState.SYNCED and ours.book.update_id == theirs.book.update_id:
            assert ours.book.bids.sizes == theirs.book.bids.sizes
            assert ours.book.asks.sizes == theirs.book.asks.sizes
            assert ours.book.instrument.scale == theirs.book.instrument.scale


@pytest.mark.parametrize("every", [7, 400])
@pytest.mark.parametrize("recording", [USDM_0404, SPOT_0808])
def test_left_out_trades_are_told_by_their_exact_ids(data, recording, every):
    dropping = player(data, recording.venue, Drop(every, "trade"))
    played = frames(data, recording)
    dropping.play(played)
    symbol = report(dropping)["symbols"]["BTCUSDT"]

    trades = [msgspec.json.decode(f.payload)["data"] for f in played if b'"trade"' in f.payload]
    kept = [trade for at, trade in enumerate(trades, 1) if at % every]
    holes = [
        {
            "after_id": before["t"],
            "before_id": after["t"],
            "missing": after["t"] - before["t"] - 1,
            "from_ms": before["T"],
            "to_ms": after["T"],
        }
        for before, after in pairwise(kept)
        if after["t"] != before["t"] + 1
    ]
    assert symbol["trade_gaps"] == holes
    assert dropping.dropped == len(trades) // every
    assert symbol["trades"] + sum(symbol["rejected"].values()) == len(kept)


def test_bybit_ids_prove_no_loss_so_none_is_claimed(data):
    dropping = player(data, BYBIT.venue, Drop(7, "trade"))
    dropping.play(frames(data, BYBIT))
    assert dropping.dropped > 0
    assert all(not item["trade_gaps"] for item in report(dropping)["symbols"].values())


def test_frames_played_twice_are_counted_once(data, played):
    twice = player(data, USDM_0718.venue)
    twice.play(copy for frame in frames(data, USDM_0718) for copy in (frame, frame))
    ours, theirs = (report(p)["symbols"]["BTCUSDT"] for p in (twice, played("usdm-0718")))
    assert ours["duplicates"] == ours["trades"] == theirs["trades"]
    assert ours["state_hash"] == theirs["state_hash"]
    assert (ours["book"]["gaps"], ours["book"]["ticker_different"]) == (0, 0)
    assert ours["book"]["updates"] == theirs["book"]["updates"]
