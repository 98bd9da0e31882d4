"""What may be forgotten is a prefix in time that the next tier holds with an equal content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiering_samples import D1, DAY, H1, HOUR, KEPT, M1, MINUTE, S1, START, bucket, market, piece

from cloud_marketdata.domain.aggregate import state_hash
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.tiering.pieces import (
    DAYS,
    HOURS,
    MINUTES,
    SECONDS,
    STEPS,
    Piece,
    objection,
)
from cloud_marketdata.storage.tiering.plan import WAITED_NS, Walk, waited_until

LATER = START + 30 * DAY


def _walked(walk: Walk, pieces: dict[int, Piece]) -> Walk:
    for start in walk.starts:
        if walk.hopes(start) or not walk.take(pieces.get(start, Piece(start, [], None))):
            break
    return walk


# What an hour may be like: without minutes, whole, or unfit in one of the ways there are.
kinds = st.sampled_from(
    ["empty", "empty", "whole", "whole", "whole", "open", "unequal", "unsummed"]
)


def _hour(kind: str, start: int) -> Piece:
    if kind == "empty":
        return Piece(start, [], None)
    minutes = [start + 3 * MINUTE, start + 40 * MINUTE]
    whole = {"unequal": minutes[:1], "unsummed": []}.get(kind)
    return piece(MINUTES, start, minutes, whole=whole, open_part=kind == "open")


@given(hours=st.lists(kinds, min_size=1, max_size=MINUTES.most + 3))
def test_the_horizon_stops_before_the_first_hour_that_is_not_wholly_in_the_next_tier(hours):
    pieces = {START + n * HOUR: _hour(kind, START + n * HOUR) for n, kind in enumerate(hours)}
    traded = [n for n, kind in enumerate(hours) if kind != "empty"]
    oldest = {M1: START + traded[0] * HOUR} if traded else {}
    walk = _walked(Walk(MINUTES, market(LATER, oldest=oldest), KEPT), pieces)

    reach = (traded[0] + MINUTES.most) if traded else 0
    unfit = [n for n in traded if hours[n] != "whole"]
    fit = [n for n in traded if n < min([reach, *unfit])]
    assert walk.before == (START + (fit[-1] + 1) * HOUR if fit else 0)
    stopped = bool(unfit) and unfit[0] < reach
    assert (walk.stop is not None) == stopped
    if walk.stop:
        assert walk.stop.start == START + unfit[0] * HOUR
        assert walk.stop.wrong == (hours[unfit[0]] != "open")


@given(age=st.integers(-3, 40), traded=st.integers(0, 59))
def test_minutes_of_an_hour_go_a_day_after_its_end_and_not_before(age, traded):
    minute = START + traded * MINUTE
    now = START + HOUR + 24 * HOUR + age * MINUTE
    walk = Walk(MINUTES, market(now, oldest={M1: minute}), KEPT)
    _walked(walk, {START: piece(MINUTES, START, [minute])})
    assert walk.before == (START + HOUR if age >= 0 else 0)


def test_a_minute_is_held_against_the_bar_and_the_tape_of_its_seconds():
    seconds = [bucket(S1, START + n * NS_PER_S) for n in (3, 9)]
    minute = bucket(M1, START, *[one.start for one in seconds])
    assert minute.profile.rows()
    assert objection(SECONDS, Piece(START, seconds, minute)) is None
    assert objection(SECONDS, Piece(START, seconds[:1], minute)).wrong


@pytest.mark.parametrize("step", STEPS)
def test_nothing_goes_without_a_closed_whole(step):
    part = bucket(step.part, START)
    open_whole = bucket(step.whole, START, final=False)
    parts = [open_whole] if step is DAYS else [part]
    assert objection(step, Piece(START, parts, None)) is not None
    assert objection(step, Piece(START, parts, open_whole, state_hash([open_whole]))) is not None


@pytest.mark.parametrize("step", [HOURS, DAYS])
def test_hours_and_days_stay_until_the_very_content_of_the_day_was_read_back(step):
    fit = piece(step, START, [START])
    assert objection(step, fit) is None
    assert objection(step, fit._replace(archived=None)) is not None
    another = state_hash([bucket(D1, START, START + 1)])
    assert objection(step, fit._replace(archived=another)).wrong


def test_minutes_stay_while_there_are_seconds_and_hours_while_there_are_minutes():
    old = {S1: START + 90 * MINUTE, M1: START, H1: START, D1: START}
    known = market(LATER, oldest=old, horizons={M1: START + DAY + HOUR, H1: START + 2 * DAY})
    assert Walk(MINUTES, known._replace(horizons=dict.fromkeys(old, 0)), KEPT).starts == range(
        START, START + HOUR, HOUR
    )
    assert Walk(HOURS, known._replace(horizons=known.horizons | {H1: 0}), KEPT).starts == range(
        START, START + DAY, DAY
    )
    assert Walk(DAYS, known, KEPT).starts == range(START, START + 2 * DAY, DAY)


@given(
    now=st.integers(0, 9 * 24),
    oldest=st.none() | st.integers(0, 30),
    hole=st.none() | st.tuples(st.integers(0, 30), st.integers(1, 30)),
)
def test_only_a_day_nobody_waits_for_takes_its_empty_hours_along(now, oldest, hole):
    as_of = START + now * HOUR
    holes = [(START + hole[0] * HOUR, START + sum(hole) * HOUR)] if hole else []
    # A second that stays keeps every hour from being looked at.
    stored = {} if oldest is None else {S1: START, M1: START + oldest * HOUR}
    known = market(as_of, oldest=stored, newest_day=START, holes=holes)
    walk = Walk(MINUTES, known, KEPT)
    assert not walk.starts
    hoped = any(start < START + DAY and end + WAITED_NS > as_of for start, end in holes)
    waited = as_of >= START + DAY + WAITED_NS and not hoped
    if waited and (oldest is None or oldest >= 24):
        assert walk.before == START + DAY
    else:
        assert walk.before <= START


def test_an_hour_that_a_hole_touches_stays_while_trades_may_still_come():
    hole = (START + 30 * MINUTE, START + 3 * HOUR)
    hours = {START + n * HOUR: piece(MINUTES, START + n * HOUR, [START + n * HOUR]) for n in (0, 3)}
    for waited, gone in ((WAITED_NS - 1, 0), (WAITED_NS, START + 4 * HOUR)):
        known = market(hole[1] + waited, oldest={M1: START}, holes=[hole])
        walk = _walked(Walk(MINUTES, known, KEPT), hours)
        assert walk.before == gone
        assert walk.stop is None or not walk.stop.wrong


@given(now=st.integers(0, 1 << 62), hours=st.integers(1, 8_784))
def test_trades_are_waited_for_three_days_at_least_and_as_long_as_minutes_are_kept(now, hours):
    until = waited_until(now, KEPT._replace(minutes=hours * HOUR))
    assert until % DAY == 0
    assert until == 0 or until <= now - max(72, hours) * HOUR < until + DAY
