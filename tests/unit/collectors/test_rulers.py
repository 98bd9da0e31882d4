"""Venue text to integers: exact from 1e-8 to 1e7, refined where it falls between the steps."""

from decimal import Decimal

import pytest
from frames import BTC
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.collectors.lanes import rulers
from cloud_marketdata.collectors.lanes.rulers import Ruler, Rulers, UnknownSymbolError
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import BadNumberError, Venue, plain

# Every decimal from 1e-8 to 1e7 that a venue writes with at most eight places.
numbers = st.builds(
    lambda count, zeros: plain(Decimal(count).scaleb(-8)) + "0" * zeros,
    st.integers(1, 10**15),
    st.integers(0, 3),
)
steps = st.sampled_from(["0.00000001", "0.0001", "0.10", "0.25", "1", "3", "1000", "10000000"])
law = settings(max_examples=80, deadline=None)


def _ruler(tick: str = "0.10", lot: str = "0.001") -> Ruler:
    return Ruler(Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal(tick), Decimal(lot))))


@law
@given(tick=steps, lot=steps, pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_no_value_is_ever_rounded(tick, lot, pairs):
    ruler = _ruler(tick, lot)
    for price, size in pairs:
        ticks, lots = ruler.trade(price, size)
        scale = ruler.instrument.scale
        assert (scale.price(ticks), scale.size(lots)) == (Decimal(price), Decimal(size))


@law
@given(tick=steps, lot=steps, pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_levels_are_all_counted_on_the_last_scale(tick, lot, pairs):
    ruler = _ruler(tick, lot)
    levels = ruler.levels(pairs)
    scale = ruler.instrument.scale
    assert [(scale.price(p), scale.size(s)) for p, s in levels] == [
        (Decimal(price), Decimal(size)) for price, size in pairs
    ]


@law
@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6), data=st.data())
def test_the_final_scale_does_not_depend_on_the_order(pairs, data):
    one, other = _ruler(), _ruler()
    for price, size in pairs:
        one.trade(price, size)
    other.levels(data.draw(st.permutations(pairs)))
    assert one.instrument.scale == other.instrument.scale


def test_refining_is_one_version_and_only_where_it_is_needed():
    ruler = _ruler()
    ruler.trade("61800.30", "0.006")
    assert ruler.instrument.scale_version == 1
    ruler.levels([("61800.35", "0.0005"), ("61800.31", "0.00025")])
    assert ruler.instrument.scale == Scale(Decimal("0.01"), Decimal("0.00025"))
    assert ruler.instrument.scale_version == 2
    assert ruler.trade("61800.30", "0.006") == (6_180_030, 24)


def test_a_size_of_zero_and_spare_zeros_refine_nothing():
    ruler = _ruler()
    assert ruler.levels([("61800.30000000", "0.00000000"), ("7", "1")]) == ((618003, 0), (70, 1000))
    assert ruler.instrument.scale_version == 1


@pytest.mark.parametrize("text", ["1e-7", "-5", "NaN", "", "0.0000000000001", "9" * 30])
def test_what_is_no_price_is_refused_and_leaves_the_ruler_as_it_was(text):
    ruler = _ruler()
    with pytest.raises(BadNumberError):
        ruler.trade(text, "1")
    with pytest.raises(BadNumberError):
        ruler.levels([("1", "1"), ("1", text)])
    assert ruler.instrument.scale_version == 1
    assert ruler.trade("61800.30", "0.006") == (618003, 6)


def test_the_memory_of_a_ruler_is_bounded(monkeypatch):
    monkeypatch.setattr(rulers, "_REMEMBERED", 4)
    ruler = _ruler()
    counts = [ruler.ticks[str(price)] for price in range(1, 20)]
    assert counts == [10 * price for price in range(1, 20)]
    assert len(ruler.ticks) <= 4


def test_an_unknown_symbol_is_refused_unless_its_grid_may_be_inferred():
    with pytest.raises(UnknownSymbolError):
        Rulers(BTC.venue, [BTC]).learn("XRPUSDT", "1", "1")
    learned = Rulers(BTC.venue, infer=True).learn("XRPUSDT", "0.50210", "1200")
    assert learned.instrument.scale == Scale(Decimal("0.0001"), Decimal(1))
    assert learned.trade("0.50210", "1200") == (5021, 1200)
