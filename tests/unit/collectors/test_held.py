"""What a shadow holds is bounded, and has no hole of which the tape could not know."""

from frames import AT, trade
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.sharing.held import Held
from cloud_marketdata.collectors.tapes.gaps import TradeGap, feared
from cloud_marketdata.domain.values import NS_PER_S


def heard(second: float, number: int):
    return trade(number, time=AT + round(second * NS_PER_S))


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 40))
def test_it_holds_the_newest_of_a_time_and_counts_whom_it_pushes_out(steps, most):
    held, now, kept = Held(10, most, 0), 0.0, []
    for number, step in enumerate(steps):
        now += step / 10
        kept.append(heard(now, number))
        held.keep(kept[-1:])
    end = kept[-1].received_at if kept else 0
    young = [one for one in kept if one.received_at >= end - 10 * NS_PER_S]
    assert list(held.trades) == young[-most:]
    assert held.pushed_out >= max(0, len(young) - most)
    assert held.first_at == (held.trades[0].received_at if held.trades else None)


def test_what_came_before_a_feared_gap_is_let_go_and_what_ids_prove_is_not():
    held, trades = Held(60, 100, 0), [heard(n, n) for n in range(6)]
    held.keep(trades)
    held.torn(TradeGap(2, 4, 1, 0, 1))
    assert list(held.trades) == trades
    held.torn(feared(trades[2], trades[3]))
    assert list(held.trades) == trades[3:]
    held.torn(feared(trades[0], heard(9, 99)))
    assert not held.trades
