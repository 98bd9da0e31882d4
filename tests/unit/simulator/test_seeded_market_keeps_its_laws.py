"""The seeded market's book and trades agree, on the wire as well as inside."""

from collections import Counter
from decimal import Decimal
from itertools import islice
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.listing import Listing, known
from cloud_marketdata.simulator.market import Market
from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.simulator.synthetic import SeededMarkets

START = 1_786_310_819_000_000_000
seeds = st.integers(0, 2**32)
venues = st.sampled_from(list(Venue))
listings = st.builds(
    Listing,
    st.just("XUSDT"),
    st.sampled_from([Decimal("1e-8"), Decimal("0.05"), Decimal(10)]),
    st.sampled_from([Decimal("1e-8"), Decimal(1), Decimal(1000)]),
    st.sampled_from([Decimal("0.001"), Decimal(100), Decimal(1_000_000)]),
)


def seeded(seed: int, listing: Listing) -> Market:
    return Market(Random(seed), listing, START)  # noqa: S311 - the law is about seeds


@settings(max_examples=15, deadline=None)
@given(seed=seeds, listing=listings)
def test_what_is_traded_at_a_price_is_what_leaves_the_book_there(seed, listing):
    market = seeded(seed, listing)
    for _ in range(30):
        bids, asks = dict(market.bids.lots), dict(market.asks.lots)
        for event in market.step():
            eaten: Counter[tuple[bool, int]] = Counter()
            for fill in event.fills:
                eaten[fill.buy, fill.price] += fill.size
            for buy, side, changed in ((True, asks, event.asks), (False, bids, event.bids)):
                left = {price: side[price] - size for (b, price), size in eaten.items() if b is buy}
                if event.fills:
                    assert left == changed
                side.update(changed)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, listing=listings)
def test_the_book_is_never_crossed_and_never_thin(seed, listing):
    market = seeded(seed, listing)
    for _ in range(60):
        for _ in market.step():
            assert 0 < market.bids.best < market.asks.best
            assert min(*market.bids.lots.values(), *market.asks.lots.values()) > 0
    assert min(len(market.bids), len(market.asks)) > 100


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_trade_ids_and_update_ids_leave_no_hole(seed):
    market = seeded(seed, known(Venue.BINANCE_SPOT, "BTCUSDT"))
    trade, update = START // 10_000, market.last_update
    for _ in range(50):
        for event in market.step():
            assert event.first_update == update + 1
            assert event.last_update >= event.first_update
            update = event.last_update
            assert [fill.id for fill in event.fills] == list(range(trade, trade + len(event.fills)))
            trade += len(event.fills)
    assert trade > START // 10_000


@settings(max_examples=10, deadline=None)
@given(seed=seeds, venue=venues)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(seed, venue):
    symbols = [known(venue, "BTCUSDT"), known(venue, "ETHUSDT")]
    first, again = (list(islice(SeededMarkets(venue, symbols, seed, START), 400)) for _ in range(2))
    assert first == again
    assert first != list(islice(SeededMarkets(venue, symbols, seed + 1, START), 400))


@settings(max_examples=10, deadline=None)
@given(seed=seeds, venue=venues, steps=st.integers(1, 300))
def test_the_deltas_applied_to_the_first_snapshot_give_the_market_of_now(seed, venue, steps):
    books = ShadowBooks(venue)
    listing = known(venue, "ETHUSDT")
    for frame in islice(SeededMarkets(venue, [listing], seed, START), steps + 2):
        books.receive(frame.payload)
        if b"@bookTicker" in frame.payload:
            ticker = msgspec.json.decode(frame.payload)["data"]
            reply = msgspec.json.decode(books.snapshot("ETHUSDT", 1))
            assert reply["lastUpdateId"] == ticker["u"]
            assert reply["bids"] == [[ticker["b"], ticker["B"]]]
            assert reply["asks"] == [[ticker["a"], ticker["A"]]]
    reply = msgspec.json.decode(books.snapshot("ETHUSDT"))
    book = reply["data"] if venue.exchange is Exchange.BYBIT else reply
    bids, asks = (book["b"], book["a"]) if "b" in book else (book["bids"], book["asks"])
    prices = [Decimal(price) for price, _ in (*reversed(bids), *asks)]
    assert prices == sorted(set(prices))


@pytest.mark.parametrize("venue", list(Venue))
def test_a_market_started_later_goes_on_with_higher_ids(venue):
    def ids(start: int) -> list[str]:
        frames = islice(SeededMarkets(venue, [known(venue, "BTCUSDT")], 7, start), 300)
        trades = [msgspec.json.decode(f.payload) for f in frames if b"rade" in f.payload[:25]]
        if venue.exchange is Exchange.BYBIT:
            return [item["i"] for message in trades for item in message["data"]]
        return [str(message["data"]["t"]) for message in trades]

    first, later = ids(START), ids(START + 60 * 1_000_000_000)
    assert len(first) > 20
    assert not set(first) & set(later)
    if venue is not Venue.BYBIT_LINEAR:
        assert max(map(int, first)) < min(map(int, later))


@pytest.mark.parametrize("venue", list(Venue))
@settings(max_examples=4, deadline=None)
@given(seed=seeds, parts=st.sampled_from([2, 5, 10]))
def test_a_market_that_moves_to_a_finer_tick_stays_one_market(venue, seed, parts):
    books, listing = ShadowBooks(venue), known(venue, "BTCUSDT")
    finer = Listing(listing.symbol, listing.tick / parts, listing.lot, listing.start)
    source = SeededMarkets(venue, [listing], seed, START)
    frames, prices = iter(source), []
    for n in range(400):
        if n == 60:
            source.refine(finer)
        payload = next(frames).payload
        books.receive(payload)
        data = msgspec.json.decode(payload).get("data", {})
        prices += [Decimal(trade["p"]) for trade in _trades(data)]
        if b"@bookTicker" in payload:
            reply = msgspec.json.decode(books.snapshot("BTCUSDT", 1))
            assert reply["bids"] == [[data["b"], data["B"]]]
            assert reply["asks"] == [[data["a"], data["A"]]]
    reply = msgspec.json.decode(books.snapshot("BTCUSDT"))
    book = reply["data"] if venue.exchange is Exchange.BYBIT else reply
    bids, asks = (book["b"], book["a"]) if "b" in book else (book["bids"], book["asks"])
    levels = [Decimal(price) for price, _ in (*reversed(bids), *asks)]
    assert levels == sorted(set(levels))
    assert max(prices) < min(prices) * Decimal("1.1")
    assert any(price % listing.tick for price in prices)
    assert not any(price % finer.tick for price in prices)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, listing=listings, parts=st.sampled_from([2, 10, 1000]))
def test_the_width_of_a_book_is_a_matter_of_price_not_of_ticks(seed, listing, parts):
    market = seeded(seed, listing)
    stride, start = (ticks * listing.tick for ticks in (market._stride, market._start))
    market.refine(Listing(listing.symbol, listing.tick / parts, listing.lot, listing.start))
    next(market.step())
    finer = market.listing.tick
    assert finer * parts == listing.tick
    assert (market._stride * finer, market._start * finer) == (stride, start)
    assert abs(market._fair * finer - start) <= 3 * stride


@pytest.mark.parametrize("seed", range(12))
def test_the_tick_direction_is_told_by_price_across_a_change_of_tick(seed):
    listing = known(Venue.BYBIT_LINEAR, "BTCUSDT")
    source = SeededMarkets(Venue.BYBIT_LINEAR, [listing], seed, START)
    last, frames = None, iter(source)
    for n in range(80):
        if n == 40:
            source.refine(Listing("BTCUSDT", listing.tick / 10, listing.lot, listing.start))
        for trade in _trades(msgspec.json.decode(next(frames).payload)["data"]):
            price = Decimal(trade["p"])
            if last is not None:
                told = next(name for name in ("Zero", "Plus", "Minus") if name in trade["L"])
                assert told == ("Zero", "Plus", "Minus")[(price > last) - (price < last)]
            last = price


def _trades(data: object) -> list[dict[str, str]]:
    return data if isinstance(data, list) else [data] if "t" in data else []
