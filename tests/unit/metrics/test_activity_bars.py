from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Timeframe, TradeFlag, Venue
from cloud_marketdata.processing.metrics.activity_bars import Activity, activity_bars

HOUR = Timeframe.H1.ns
BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
MEASURE = {
    Activity.TICK: lambda trade: trade.fills,
    Activity.VOLUME: lambda trade: trade.size,
    Activity.DOLLAR: lambda trade: trade.price * trade.size,
}

drawn_trades = st.lists(
    st.tuples(
        st.integers(0, HOUR),
        st.integers(1, 9),
        st.integers(1, 30),
        st.sampled_from(Side),
        st.integers(1, 3),
        st.sampled_from([0, 0, 0, int(TradeFlag.BLOCK)]),
    ),
    max_size=40,
)
kinds = st.sampled_from(Activity)
sizes = st.integers(1, 200)


def tape(drawn) -> list[TradeEvent]:
    """Return trades in their order, with a pause of up to an hour between two of them."""
    made, time = [], 0
    for number, (pause, price, size, side, fills, flags) in enumerate(drawn):
        time += pause // 4
        made.append(TradeEvent(BTC, number, price, size, side, time, 0, number, fills, flags))
    return made


@given(drawn_trades, kinds, sizes)
def test_bars_hold_every_trade_once_and_none_is_cut(drawn, kind, size):
    trades = [trade for trade in tape(drawn) if trade.in_bars]
    made = list(activity_bars(tape(drawn), kind, size, HOUR))
    assert sum(bar.bar.volume for bar in made) == sum(trade.size for trade in trades)
    assert sum(bar.bar.count for bar in made) == sum(trade.fills for trade in trades)
    ends = [bar.last[1] for bar in made]
    assert [bar.first[1] for bar in made[1:]] == [
        next(trade.sequence for trade in trades if trade.sequence > end) for end in ends[:-1]
    ]


@given(drawn_trades, kinds, sizes)
def test_a_bar_is_full_by_its_last_trade_and_not_before(drawn, kind, size):
    trades = {trade.sequence: trade for trade in tape(drawn)}
    filled = MEASURE[kind]
    for bar in activity_bars(tape(drawn), kind, size, HOUR):
        inside = [
            trade
            for number, trade in trades.items()
            if bar.first[1] <= number <= bar.last[1] and trade.in_bars
        ]
        assert (sum(map(filled, inside)) >= size) == bar.full
        assert sum(map(filled, inside[:-1])) < size
        assert len({trade.exchange_time // HOUR for trade in inside}) == 1


@given(drawn_trades, kinds, sizes, st.integers(0, 12))
def test_bars_do_not_depend_on_when_listening_began(drawn, kind, size, hours):
    """Whoever begins at any anchor makes the bars that everybody else makes behind it."""
    since = hours * HOUR
    young = [trade for trade in tape(drawn) if trade.exchange_time >= since]
    every = list(activity_bars(tape(drawn), kind, size, HOUR))
    assert list(activity_bars(young, kind, size, HOUR)) == [b for b in every if b.anchor >= since]


@given(drawn_trades, kinds, sizes)
def test_bars_are_numbered_behind_their_anchor(drawn, kind, size):
    made = list(activity_bars(tape(drawn), kind, size, HOUR))
    for anchor in {bar.anchor for bar in made}:
        numbers = [bar.number for bar in made if bar.anchor == anchor]
        assert numbers == list(range(len(numbers)))


def test_each_anchor_counts_its_bars_from_nought():
    trades = tape([(HOUR * 3 // 5, 1, 1, Side.BUY, 1, 0)] * 40)
    made = list(activity_bars(trades, Activity.VOLUME, 3, HOUR))
    anchors = [bar.anchor for bar in made]
    assert len(set(anchors)) > 2
    assert [bar.number for bar in made] == [
        anchors[:at].count(anchor) for at, anchor in enumerate(anchors)
    ]
    assert {bar.full for bar in made} == {True, False}


@pytest.mark.parametrize(("size", "every"), [(0, 1), (1, 0), (-1, 1)])
def test_bars_that_can_never_be_filled_are_refused(size, every):
    with pytest.raises(ValueError, match="cannot be filled"):
        list(activity_bars([], Activity.TICK, size, every))
