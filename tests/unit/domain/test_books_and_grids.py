"""The order book against a plain dictionary, and the lattice of grids."""

from decimal import Decimal

import pytest
from domain_strategies import GRIDS, instrument, law
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookSnapshot
from cloud_marketdata.domain.instrument import Instrument, OffGridError, Scale, whole
from cloud_marketdata.domain.values import (
    BadNumberError,
    Timeframe,
    Venue,
    canonical,
    common_step,
    parse_decimal,
    plain,
)

levels = st.lists(st.tuples(st.integers(1, 15), st.integers(0, 4)), max_size=8)
grids = st.sampled_from(GRIDS[:4])
changes = st.lists(st.tuples(grids, levels, levels), max_size=10)
steps = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 999),
    st.integers(-8, 7),
)
lattice = st.builds(Scale, steps, steps)


def _delta(scale, at, bids, asks) -> BookDelta:
    return BookDelta(instrument(scale), at, at, None, tuple(bids), tuple(asks), at, at)


@law
@given(first=levels, changes=changes, depth=st.integers(1, 20))
def test_a_book_is_the_last_size_told_for_every_price(first, changes, depth):
    kept = {price: size for price, size in first if size}
    book = OrderBook(
        BookSnapshot(instrument(GRIDS[0]), 1, tuple(kept.items()), tuple(kept.items()), 0, 0)
    )
    tick, lot = GRIDS[0].tick, GRIDS[0].lot
    plain_bids = {price * tick: size * lot for price, size in kept.items()}
    plain_asks = dict(plain_bids)
    for at, (scale, bids, asks) in enumerate(changes, 2):
        book.apply(_delta(scale, at, bids, asks))
        for side, told in ((plain_bids, bids), (plain_asks, asks)):
            for price, size in told:
                side[price * scale.tick] = size * scale.lot
                if not size:
                    del side[price * scale.tick]
        assert book.update_id == book.exchange_time == at
    bids, asks = book.top(depth)
    assert _decimals(book, bids) == sorted(plain_bids.items(), reverse=True)[:depth]
    assert _decimals(book, asks) == sorted(plain_asks.items())[:depth]
    assert book.best_bid() == (bids[0] if bids else None)
    assert book.best_ask() == (asks[0] if asks else None)
    crossed = bool(plain_bids and plain_asks) and max(plain_bids) >= min(plain_asks)
    assert book.crossed == crossed


def _decimals(book, side) -> list[tuple[Decimal, Decimal]]:
    scale = book.instrument.scale
    return [(scale.price(price), scale.size(size)) for price, size in side]


def test_removing_a_price_that_is_not_there_is_ordinary():
    book = OrderBook(BookSnapshot(instrument(GRIDS[0]), 1, ((5, 1),), (), 0, 0))
    book.apply(_delta(GRIDS[0], 2, [(4, 0), (5, 0), (5, 0)], [(9, 0)]))
    assert book.top(5) == ((), ())
    assert book.best_bid() is None


@law
@given(first=levels, changes=changes, asked=st.integers(1, 4), depth=st.integers(1, 20))
def test_a_cut_book_tells_the_beginning_of_the_whole_one_and_nothing_more(
    first, changes, asked, depth
):
    kept = {price: size for price, size in first if size} | dict.fromkeys(range(5, 9), 1)
    bids, asks = sorted(kept.items(), reverse=True), sorted(kept.items())
    whole = OrderBook(BookSnapshot(instrument(GRIDS[0]), 1, tuple(bids), tuple(asks), 0, 0))
    cut = OrderBook(
        BookSnapshot(instrument(GRIDS[0]), 1, tuple(bids[:asked]), tuple(asks[:asked]), 0, 0), asked
    )
    ends = (bids[asked - 1][0] * GRIDS[0].tick, asks[asked - 1][0] * GRIDS[0].tick)
    for at, (scale, *told) in enumerate(changes, 2):
        whole.apply(_delta(scale, at, *told))
        cut.apply(_delta(scale, at, *told))
    scale = cut.instrument.scale
    assert (scale.price(cut.known_bid), scale.price(cut.known_ask)) == ends
    known_bids = [level for level in _decimals(whole, whole.top(99)[0]) if level[0] >= ends[0]]
    known_asks = [level for level in _decimals(whole, whole.top(99)[1]) if level[0] <= ends[1]]
    told_bids, told_asks = cut.top(depth)
    assert _decimals(cut, told_bids) == known_bids[:depth]
    assert _decimals(cut, told_asks) == known_asks[:depth]
    assert cut.knows(depth) == (min(len(known_bids), len(known_asks)) >= depth)
    assert whole.knows(depth)
    assert cut.agrees(whole)
    assert whole.agrees(cut)


@law
@given(
    first=levels,
    asks=st.booleans(),
    price=st.integers(1, 15),
    size=st.integers(1, 4),
    scale=grids,
)
def test_books_agree_unless_a_level_both_know_differs(first, asks, price, size, scale):
    kept = {at: lots for at, lots in first if lots} | {7: 2}
    side = tuple(kept.items())
    told = BookSnapshot(instrument(GRIDS[0]), 1, () if asks else side, side if asks else (), 0, 0)
    other, change = OrderBook(told), [(price, size)]
    other.apply(_delta(scale, 2, [] if asks else change, change if asks else []))
    where = price * scale.tick / GRIDS[0].tick
    same = kept.get(where) == size * scale.lot / GRIDS[0].lot
    assert OrderBook(told).agrees(other) == same
    assert other.agrees(OrderBook(told)) == same
    beyond = where > max(kept) if asks else where < min(kept)
    assert OrderBook(told, len(kept)).agrees(other) == (same or beyond)
    assert other.agrees(OrderBook(told, len(kept))) == (same or beyond)


@pytest.mark.parametrize(
    ("asked", "bid", "ask"), [(None, None, None), (1, 5, 8), (2, 4, None), (3, None, None)]
)
def test_a_side_is_known_to_its_end_where_it_is_shorter_than_asked_for(asked, bid, ask):
    book = OrderBook(BookSnapshot(instrument(GRIDS[0]), 1, ((5, 1), (4, 1)), ((8, 1),), 0, 0), 2)
    assert (book.known_bid, book.known_ask) == (4, None)
    one = BookSnapshot(instrument(GRIDS[0]), 1, ((5, 1), (4, 1))[:asked], ((8, 1),), 0, 0)
    book = OrderBook(one, asked)
    assert (book.known_bid, book.known_ask) == (bid, ask)
    assert book.snapshot() == one


@law
@given(a=lattice, b=lattice, c=lattice)
def test_grids_form_a_lattice(a, b, c):
    assert a.meet(a) == a
    assert a.meet(b) == b.meet(a)
    assert a.meet(b).meet(c) == a.meet(b.meet(c))


@law
@given(a=lattice, b=lattice)
def test_the_meet_is_the_coarsest_grid_that_holds_both(a, b):
    meet = a.meet(b)
    for mine in (a, b):
        tick, lot = mine.factors(meet)
        assert (meet.price(tick), meet.size(lot)) == (mine.tick, mine.lot)
    for first, second, step in ((a.tick, b.tick, meet.tick), (a.lot, b.lot, meet.lot)):
        # Two counts without a common divisor leave no coarser step.
        assert common_step(Decimal(whole(first, step)), Decimal(whole(second, step))) == 1


@law
@given(count=st.integers(0, 10**12), step=steps)
def test_a_price_counted_and_told_again_is_the_same(count, step):
    scale = Scale(step, step)
    assert whole(scale.price(count), step) == count
    assert Decimal(canonical(scale.price(count))) == scale.price(count)


def test_between_the_steps_nothing_is_rounded():
    with pytest.raises(OffGridError):
        whole(Decimal("0.15"), Decimal("0.10"))


@pytest.mark.parametrize("step", ["0", "0.00", "-0.1", "NaN", "Infinity"])
def test_a_grid_without_a_positive_step_is_refused(step):
    with pytest.raises(BadNumberError):
        Scale(Decimal(step), Decimal(1))
    with pytest.raises(BadNumberError):
        Scale(Decimal(1), Decimal(step))


def test_a_refined_instrument_holds_the_value_and_counts_the_refinement():
    coarse = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.00001")))
    finer = coarse.refined(Decimal(200000), Decimal("25.42618900"))
    assert finer.scale == Scale(Decimal("0.01"), Decimal("0.000001"))
    assert finer.scale_version == 2
    with pytest.raises(BadNumberError, match="finer than"):
        coarse.refined(Decimal("1e-13"), Decimal(0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        "1e5",
        "NaN",
        "inf",
        " 1",
        "1_0",
        "0x1",
        "\u0661",
        "1,0",
        "1" * 25,
    ],
)
def test_only_plain_decimals_are_numbers(text):
    with pytest.raises(BadNumberError):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["0", "007", "61800.30", "0.00000001", "9" * 24 + "." + "9" * 24])
def test_a_plain_decimal_is_read_exactly(text):
    assert plain(parse_decimal(text)) == (text.lstrip("0") or "0" if text == "007" else text)


def test_buckets_are_half_open_and_anchored_at_the_epoch():
    edge = 1_723_161_300_000_000_000
    for frame in Timeframe:
        assert frame.floor(edge) <= edge < frame.floor(edge) + frame.ns
        assert frame.floor(0) == 0
    assert Timeframe.M1.floor(edge) == edge
    assert Timeframe.M1.floor(edge - 1) == edge - Timeframe.M1.ns
