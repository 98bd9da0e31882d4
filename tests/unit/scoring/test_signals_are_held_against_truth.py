"""Pairs are one to one, as many as can be; what nobody planted is told from what is wrong."""

from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.bench.scoring.judging import Window, score
from cloud_marketdata.bench.scoring.marks import Found
from cloud_marketdata.bench.scoring.matching import Span, paired, touches
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.simulator.labelled.truth import Truth

INSTRUMENT = Instrument(Venue.BINANCE_USDM, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
HOUR = Window(0, 3_600 * NS_PER_S)
SWEEP, LARGE = SignalKind.SWEEP, SignalKind.LARGE_TRADE
spans = st.builds(
    lambda start, length, late: Span(start, start + length, start + length + late),
    st.integers(0, 40),
    st.integers(0, 8),
    st.integers(0, 5),
)


def told(start: float, kind: SignalKind = SWEEP, late: float = 0, revision: int = 0) -> Signal:
    begun = int(start * NS_PER_S)
    return Signal(
        id=f"{kind}:{begun}",
        kind=kind,
        instrument=INSTRUMENT,
        start=begun,
        detected=begun + int(late * NS_PER_S),
        end=None,
        state=SignalState.OPEN,
        severity=Severity.INFO,
        statistic=None,
        threshold=None,
        baseline=None,
        detector="test",
        version=1,
        revision=revision,
    )


def happened(start: float, kind: SignalKind = SWEEP, size: str = "a", **extra: object) -> Truth:
    return Truth(kind, size, int(start * NS_PER_S), int(start * NS_PER_S), **extra)


@given(st.lists(spans, max_size=5), st.lists(spans, max_size=5), st.integers(0, 3))
def test_no_other_pairing_has_more_pairs(events, signals, tolerance):
    pairs = paired(events, signals, tolerance)
    assert len(set(pairs.values())) == len(pairs)
    assert all(touches(events[e], signals[s], tolerance) for e, s in pairs.items())
    short, long = sorted((range(len(events)), range(len(signals))), key=len)
    swapped = len(events) > len(signals)

    def fits(a: int, b: int) -> bool:
        event, signal = (b, a) if swapped else (a, b)
        return touches(events[event], signals[signal], tolerance)

    most = max(sum(map(fits, short, chosen)) for chosen in permutations(long, len(short)))
    assert len(pairs) == most


def test_an_event_gives_its_nearest_signal_up_to_one_that_has_no_other():
    long, short = Span(0, 10), Span(5, 5)
    near, far = Span(1, 5), Span(9, 10)
    assert paired([long, short], [near, far], 0) == {0: 1, 1: 0}


@given(st.lists(st.integers(0, 3_000), max_size=30, unique=True), st.integers(0, 9))
def test_signals_at_the_events_and_nowhere_else_are_perfect(starts, late):
    marks = score([happened(s) for s in starts], [told(s, late=late) for s in starts], HOUR)
    if not starts:
        assert marks == {}
        return
    assert (marks[SWEEP].whole().recall, marks[SWEEP].precision, marks[SWEEP].f1()) == (1, 1, 1)
    assert set(marks[SWEEP].whole().delays) == {late * 1000}


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 20))
def test_recall_and_precision_are_shares_of_what_is_known(heard, false):
    truths = [happened(10 * n) for n in range(len(heard))]
    signals = [told(10 * n) for n, one in enumerate(heard) if one]
    signals += [told(1_000 + 10 * n) for n in range(false)]
    marks = score(truths, signals, HOUR)[SWEEP]
    assert marks.whole().recall == sum(heard) / len(heard)
    if signals:
        assert marks.precision == sum(heard) / (sum(heard) + false)
    assert marks.false_a_day == false * 24


def test_a_second_signal_of_the_same_event_is_a_false_alarm():
    marks = score([happened(10)], [told(10), told(11)], HOUR)[SWEEP]
    assert (marks.whole().found, marks.false) == (1, 1)


def test_a_later_telling_of_a_signal_is_not_a_second_signal_and_does_not_delay_it():
    signals = [told(10, late=1), told(10, late=9, revision=1)]
    marks = score([happened(10)], signals, HOUR)[SWEEP]
    assert (marks.whole().found, marks.false, marks.whole().delays) == (1, 0, [1000])


def test_what_another_planted_event_may_cause_is_neither_right_nor_wrong():
    truth = happened(10, also=(LARGE,))
    marks = score([truth], [told(10), told(10, LARGE)], HOUR)
    assert (marks[LARGE].false, marks[LARGE].caused) == (0, 1)
    assert marks[LARGE].precision is None


def test_what_happened_by_chance_is_not_missed_and_its_signal_is_not_wrong():
    truth = happened(10, natural=True)
    assert score([truth], [], HOUR) == {}
    marks = score([truth], [told(10), told(50)], HOUR)[SWEEP]
    assert (marks.chance, marks.false, marks.whole().planted) == (1, 1, 0)


def test_nothing_before_the_window_counts():
    window = Window(100 * NS_PER_S, 200 * NS_PER_S)
    marks = score([happened(10), happened(150)], [told(10), told(150), told(250)], window)
    assert (marks[SWEEP].whole().planted, marks[SWEEP].false) == (1, 0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([0.5, 0.95]))
def test_a_delay_is_one_that_was_measured_and_its_share_lies_at_or_below(delays, share):
    found = Found(len(delays), len(delays), delays)
    delay = found.delay(share)
    assert delay in delays
    assert sum(other <= delay for other in delays) >= share * len(delays)
    assert sum(other < delay for other in delays) < share * len(delays)


@given(st.lists(st.integers(5, 3_000), max_size=20), st.integers(0, 3_599))
def test_a_blind_signal_is_forgiven_only_in_the_seconds_that_are_said_to_forgive(starts, second):
    truths = [happened(start, natural=True) for start in starts]
    marks = score([*truths, happened(1)], [told(second)], HOUR)[SWEEP]
    near = any(abs(start - second) <= 2 for start in [*starts, 1])
    assert marks.false == (not near)
    seconds = {s for start in [*starts, 1] for s in range(max(0, start - 2), start + 3)}
    assert marks.covered == len(seconds)
