"""Depth messages left out of gapless captures one by one, at 500 random places by all three rules.

Each is found at the very next message of its book; every book is whole again afterwards, as the
venue's own tickers say. The undisturbed captures raise no alarm at all.
"""

from collections import defaultdict
from random import Random

import msgspec
import pytest
from recordings import BYBIT, RECORDINGS, SPOT_0808, USDM_0808, frames, player

from cloud_marketdata.replay.player import Drop
from cloud_marketdata.replay.report import report
from cloud_marketdata.storage.ports import BookState

PLACES = {"usdm-0808": (USDM_0808, 200), "spot-0808": (SPOT_0808, 180), "bybit": (BYBIT, 120)}
APART = 4


def _book_of(payload: bytes) -> str | None:
    """Whose book a raw frame changes, if it is a change and not a whole book."""
    if b'"depthUpdate"' in payload or b'"topic":"orderbook.' in payload:
        return msgspec.json.decode(payload)["data"]["s"]
    return None


def _is_snapshot(payload: bytes) -> bool:
    return b'"type":"snapshot"' in payload or b'"u":1,' in payload


def _places(books: list[tuple[str, bool]], count: int, seed: int) -> frozenset[int]:
    """Choose places: changes, followed in their book by another change, a few messages apart."""
    by_book: dict[str, list[int]] = defaultdict(list)
    for place, (symbol, _) in enumerate(books, 1):
        by_book[symbol].append(place)
    fit = [
        place
        for places in by_book.values()
        for at, place in enumerate(places[:-1])
        if at > APART and not books[place - 1][1] and not books[places[at + 1] - 1][1]
    ]
    random, chosen = Random(seed), set()  # noqa: S311  a seed must repeat
    taken: dict[str, set[int]] = defaultdict(set)
    order = {place: at for places in by_book.values() for at, place in enumerate(places)}
    for place in random.sample(fit, len(fit)):
        symbol = books[place - 1][0]
        near = range(order[place] - APART, order[place] + APART + 1)
        if len(chosen) < count and taken[symbol].isdisjoint(near):
            chosen.add(place)
            taken[symbol].add(order[place])
    return frozenset(chosen)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_each_of_the_random_losses_is_found_at_the_next_message(data, played, name):
    recording, count = PLACES[name]
    recorded = frames(data, recording)
    books = [(s, _is_snapshot(f.payload)) for f in recorded if (s := _book_of(f.payload))]
    places = _places(books, count, seed=len(books))
    assert len(places) == count
    dropping = player(data, recording.venue, Drop(at=places))
    found, place, hole = 0, 0, set()
    for frame in recorded:
        symbol = _book_of(frame.payload)
        lane = dropping.intake.lanes.get(symbol or "")
        gaps = lane.sync.gaps if lane else 0
        if symbol:
            place += 1
        dropping.play([frame])
        if symbol is None:
            continue
        expected = place not in places and symbol in hole
        assert dropping.intake.lanes[symbol].sync.gaps == gaps + expected
        found += expected
        hole.discard(symbol)
        if place in places:
            hole.add(symbol)
    assert found == dropping.dropped == count
    _is_whole(dropping, played(name))


def _is_whole(dropping, undisturbed) -> None:
    for symbol, item in report(dropping)["symbols"].items():
        book = item["book"]
        assert (book["ticker_different"], book["crossed"]) == (0, 0)
        ours, theirs = (p.intake.lanes[symbol].sync for p in (dropping, undisturbed))
        assert ours.state is BookState.SYNCED
        assert ours.book.bids.sizes == theirs.book.bids.sizes
        assert ours.book.asks.sizes == theirs.book.asks.sizes
    if dropping.intake.collector.ticker("BTCUSDT"):
        assert report(dropping)["symbols"]["BTCUSDT"]["book"]["ticker_equal"] > 500


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_a_clean_capture_raises_no_alarm(played, name):
    document = report(played(name))
    for item in document["symbols"].values():
        book = item["book"]
        assert (book["gaps"], book["ticker_different"], book["crossed"]) == (0, 0, 0)
        assert item["trade_gaps"] == []
    lanes = played(name).intake.lanes.values()
    assert sum(lane.doubts for lane in lanes) == 0
