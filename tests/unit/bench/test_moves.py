"""A moved aggregate is the aggregate of the moved trades."""

from decimal import Decimal
from itertools import islice, pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.bench.storage.moves import Move, walk
from cloud_marketdata.bench.storage.tape import in_batches
from cloud_marketdata.domain.aggregate import state_hash
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Timeframe, Venue
from cloud_marketdata.processing.windows import Windows
from cloud_marketdata.storage.packing import pack_aggregate

BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", Scale(Decimal("0.10"), Decimal("0.001")))
MINUTE = Timeframe.M1.ns
MS = 1_000_000


def trade(number: int, price: int, size: int, side: Side, time: int, flags: int) -> TradeEvent:
    received = time + 5 * MS
    return TradeEvent(BTC, number, price, size, side, time, received, number, flags=flags)


TRADES = st.lists(
    st.builds(
        trade,
        number=st.integers(1, 1_000),
        price=st.integers(1, 50),
        size=st.integers(1, 9),
        side=st.sampled_from(Side),
        time=st.integers(0, 3 * MINUTE),
        flags=st.sampled_from((0, 0, 1)),
    ),
    min_size=1,
)
MOVES = st.builds(
    Move,
    time=st.integers(0, 9).map(lambda minutes: minutes * MINUTE),
    ticks=st.integers(0, 40),
    ids=st.integers(0, 9_000),
)


def folded(trades):
    windows = Windows(1 << 62)
    windows.fold(trades, 1)
    return windows.held()


@given(trades=TRADES, move=MOVES)
def test_moving_and_folding_commute(trades, move):
    moved = [move.aggregate(bucket) for bucket in folded(trades)]
    again = folded([move.trade(one) for one in trades])

    assert [pack_aggregate(one) for one in moved] == [pack_aggregate(one) for one in again]
    assert state_hash(moved) == state_hash(again)


def test_a_walk_goes_on_in_time_and_ids_and_never_below_its_price():
    random = Random(1)  # noqa: S311  a market, not a secret

    moves = list(islice(walk(Move(MINUTE, 7, 100), random), 500))

    assert moves[0] == Move()
    assert [(m.time, m.ids) for m in moves] == [(n * MINUTE, n * 100) for n in range(500)]
    assert {m.ticks % 7 for m in moves} == {0}
    assert 0 == min(m.ticks for m in moves) < max(m.ticks for m in moves)
    assert {abs(b.ticks - a.ticks) for a, b in pairwise(moves)} == {0, 7}


@given(trades=TRADES, most=st.integers(1, 5), milliseconds=st.sampled_from((0, 1, 60_000)))
def test_batches_hold_every_trade_in_order_and_keep_their_limits(trades, most, milliseconds):
    trades.sort(key=lambda one: one.received_at)

    batches = in_batches(trades, most, milliseconds)

    assert [one for batch in batches for one in batch] == trades
    assert all(1 <= len(batch) <= most for batch in batches)
    if milliseconds:
        spans = [batch[-1].received_at - batch[0].received_at for batch in batches]
        assert max(spans) < milliseconds * MS
