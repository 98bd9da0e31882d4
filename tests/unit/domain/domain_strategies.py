"""Trades, profiles and grids for the laws of the domain."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.values import Side, Timeframe, Venue

# Grids that nest in no simple way, and one written in two ways.
GRIDS = tuple(
    Scale(Decimal(tick), Decimal(lot))
    for tick, lot in (
        ("0.10", "0.001"),
        ("0.1", "0.0010"),
        ("0.25", "0.001"),
        ("0.05", "0.0005"),
        ("0.3", "7"),
        ("0.00000001", "10000000"),
    )
)
MINUTE = Timeframe.M1.ns
# Examples are many enough and the machine may be busy.
law = settings(max_examples=60, deadline=None)

scales = st.sampled_from(GRIDS)
rows = st.tuples(
    st.integers(1, 30),
    st.integers(1, 10**6),
    st.sampled_from(Side),
    st.integers(0, MINUTE - 1),
    st.integers(1, 5),
    st.sampled_from([0, 0, 0, 1, 2, 4, 8, 16]),
)


def instrument(scale: Scale, version: int = 1) -> Instrument:
    """Return an instrument on a grid."""
    return Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", scale, version)


@st.composite
def tapes(draw, max_size=20, grids=scales):
    """Trades of one minute in any order, each on its own grid, with distinct sequences."""
    drawn = draw(st.lists(st.tuples(rows, grids), max_size=max_size))
    made = [
        TradeEvent(instrument(grid), number, price, size, side, time, 0, number, fills, flags)
        for number, ((price, size, side, time, fills, flags), grid) in enumerate(drawn)
    ]
    return draw(st.permutations(made))


def on_grid(scale: Scale, max_size: int = 20):
    """Trades of one minute that are all counted on one grid."""
    return tapes(max_size, st.just(scale))


def folded(tape, scale: Scale = GRIDS[0]) -> Aggregate:
    """Return the one-minute aggregate of a tape, started on a grid."""
    made = Aggregate(instrument(scale), Timeframe.M1, 0)
    for trade in tape:
        made.add(trade)
    return made


@st.composite
def profiles(draw, grids=scales):
    """Profiles of one-tick rows, made of trades."""
    scale = draw(grids)
    made = VolumeProfile(scale)
    for trade in draw(on_grid(scale, 12)):
        made.add(trade)
    return made
