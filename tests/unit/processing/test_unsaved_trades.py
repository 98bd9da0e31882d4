"""Of the trades that wait to be saved none is forgotten, and none ever looks younger than it is."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from worker_tape import HOUR, S, trade

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.processing.unsaved_trades import TIMES_MAX, UnsavedTrades

times = st.lists(st.lists(st.integers(HOUR, HOUR + 600 * S), max_size=40), max_size=20)
_ROUGH_NS = S // 2


def received(at: int) -> TradeEvent:
    return trade(1, at - HOUR)


@given(times)
def test_few_times_are_kept_as_they_are(given_times):
    unsaved = UnsavedTrades()
    for batch in given_times:
        unsaved.add([received(at) for at in batch])
    flat = sorted(at for batch in given_times for at in batch)
    assert unsaved.oldest == min(flat, default=None)
    assert sorted(unsaved.take().elements()) == flat
    assert unsaved.oldest is None
    assert not unsaved.take()


def test_many_times_are_kept_roughly_and_never_later():
    random = Random(8)  # noqa: S311  a seed must repeat
    true = sorted(HOUR + random.randrange(600 * S) for _ in range(3 * TIMES_MAX))
    unsaved = UnsavedTrades()
    for at in range(0, len(true), 1000):
        unsaved.add([received(time) for time in true[at : at + 1000]])
    kept = unsaved.take()
    assert len(kept) <= TIMES_MAX
    roughly = sorted(kept.elements())
    assert len(roughly) == len(true)
    assert all(0 <= late - early < _ROUGH_NS for early, late in zip(roughly, true, strict=True))


def test_what_comes_after_a_save_is_kept_exactly_again():
    unsaved = UnsavedTrades()
    unsaved.add([received(HOUR + n * S + 1) for n in range(TIMES_MAX + 1)])
    unsaved.take()
    unsaved.add([received(HOUR + 1)])
    assert unsaved.take() == {HOUR + 1: 1}
