"""Hypothesis strategies for what the stores keep: any grid, any size of integer, any order."""

from decimal import Decimal

from hypothesis import strategies as st

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Timeframe, Venue
from cloud_marketdata.storage.ports import BookState, BookView

steps = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 999),
    st.integers(-8, 7),
)
scales = st.builds(Scale, steps, steps)
symbols = st.text("ABCUSDT0123456789", min_size=2, max_size=10)
instruments = st.builds(Instrument, st.sampled_from(Venue), symbols, scales, st.integers(1, 9))

edges = [0, 1, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**40]
integers = st.sampled_from(edges) | st.integers(0, 10**7) | st.integers(-(10**30), 10**30)
counts = st.sampled_from([1, 2**63, 10**25]) | st.integers(1, 10**9)
times = st.integers(0, 2**62)
ids = integers | st.text(max_size=40)

trades = st.builds(
    TradeEvent,
    instrument=instruments,
    id=ids,
    price=integers,
    size=integers,
    side=st.sampled_from(Side),
    exchange_time=times,
    received_at=times,
    sequence=integers,
    fills=integers,
    flags=st.integers(0, 31),
)
levels = st.lists(st.tuples(integers, integers), max_size=6).map(tuple)
snapshots = st.builds(
    BookSnapshot,
    instrument=instruments,
    update_id=integers,
    bids=levels,
    asks=levels,
    exchange_time=times,
    received_at=times,
)
deltas = st.builds(
    BookDelta,
    instrument=instruments,
    first_id=integers,
    last_id=integers,
    previous_id=st.none() | integers,
    bids=levels,
    asks=levels,
    exchange_time=times,
    received_at=times,
)
statuses = st.builds(
    StatusEvent,
    venue=st.sampled_from(Venue),
    symbol=symbols,
    kind=st.sampled_from(StatusKind),
    received_at=times,
    detail=st.dictionaries(st.text(max_size=8), ids, max_size=4),
)
views = st.builds(
    BookView,
    instrument=instruments,
    state=st.sampled_from(BookState),
    update_id=times,
    exchange_time=times,
    received_at=times,
    bids=levels,
    asks=levels,
    reason=st.text(max_size=20),
)


@st.composite
def tapes(draw):
    """Trades of one instrument with distinct sequences, as a venue prints them."""
    instrument = draw(instruments)
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(1, 40) | counts,
                counts,
                st.sampled_from(Side),
                st.integers(0, 30),
                st.sampled_from([0, 0, 0, 1, 2, 4]),
            ),
            max_size=25,
        )
    )
    return [
        TradeEvent(instrument, number, price, size, side, time, time, number, 1 + number % 3, flags)
        for number, (price, size, side, time, flags) in enumerate(rows)
    ]


def folded(tape, instrument):
    """Return the one-minute aggregate of a tape."""
    made = Aggregate(instrument, Timeframe.M1, 0)
    for trade in tape:
        made.add(trade)
    return made
