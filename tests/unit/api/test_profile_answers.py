"""Profiles tell nodes, letters and other methods; series agree with the whole and the tape."""

import asyncio
import random
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

import pytest
from flows import ASKED
from tape import BASE, BTC, MINUTE, TAPE, FixedClock, Market, decoded, floats_in, ms, trade

from cloud_marketdata.api import profile_outlines
from cloud_marketdata.api.profile_ranges import profile_range
from cloud_marketdata.api.profile_series.queries import ProfileSeriesQueries
from cloud_marketdata.api.profile_series.questions import DevelopingQuestion, NakedQuestion
from cloud_marketdata.api.queries import LONGEST
from cloud_marketdata.api.questions import MOST_ROLLING, ProfileQuestion
from cloud_marketdata.core.errors import BadRequestError, BadTimeError, LimitError
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe
from cloud_marketdata.processing.metrics.expansion import Ladder
from cloud_marketdata.processing.metrics.nodes import nodes
from cloud_marketdata.processing.metrics.sessions import closed_sessions, session
from cloud_marketdata.processing.metrics.value_area import value_area

DAY = Timeframe.D1.ns
RANGE = {"start": ms(BASE), "end": ms(BASE + 4 * MINUTE)}
WIDTH = 5


def series(market: Market) -> ProfileSeriesQueries:
    asked = market.queries
    return ProfileSeriesQueries(asked.clock, asked._known, asked._reader, asked._quality)


async def filled(tape=TAPE, now: int = BASE + 10 * MINUTE, until: int = BASE + MINUTE) -> Market:
    market = await Market(clock=FixedClock(now)).open()
    half = len(tape) // 2
    await market.append(tape[:half])
    await market.save(until)
    await market.append(tape[half:])
    return market


async def profile_of(market: Market, **asked: object):
    return await market.queries.volume_profile(ProfileQuestion(**ASKED | asked))


def rows_of(trades, width: int) -> dict[int, int]:
    totals: dict[int, int] = {}
    for one in trades:
        totals[one.price // width] = totals.get(one.price // width, 0) + one.size
    return totals


def price(row: int, width: int, more: int = 0) -> str:
    return format(Decimal(row * width + more) / 10, ".1f")


def test_nodes_shape_and_other_methods_are_those_of_the_tape_s_rows():
    async def law() -> None:
        data = (await profile_of(await filled(), **RANGE, row_ticks=2)).data
        totals = rows_of(TAPE, 2)
        found = nodes(totals)
        assert [node.low for node in data.hvn] == [price(node.row, 2) for node in found.high]
        assert [node.high for node in data.lvn] == [price(node.row, 2, 1) for node in found.low]
        assert found.high
        for told, node in zip(data.hvn, found.high, strict=True):
            assert abs(Fraction(told.prominence_pct) - node.prominence_pct) <= Fraction("0.005")
            assert told.prominence_pct[-3] == "."
        assert [one.method for one in data.sensitivity] == [
            "one_row",
            "sparse",
            "step_3",
            "shortest",
        ]
        for one in data.sensitivity:
            area = value_area(totals, method=one.method)
            assert (one.val, one.vah) == (price(area.val, 2), price(area.vah, 2, 1))
            assert one.reached_pct == area.reached_pct
        assert data.shape in {"P", "b", "B", "D"}
        for row in data.rows:
            assert Decimal(row.delta) == Decimal(row.buy) - Decimal(row.sell)

    asyncio.run(law())


def test_too_many_rows_have_no_nodes_and_no_letter_but_are_answered(monkeypatch):
    monkeypatch.setattr(profile_outlines, "MOST_ROWS", 36)

    async def law() -> None:
        market = await filled()
        data = (await profile_of(market, **RANGE, row_ticks=1)).data
        assert (len(data.rows), data.hvn, data.lvn, data.shape) == (37, None, None, None)
        assert (await profile_of(market, **RANGE, row_ticks=2)).data.hvn

    asyncio.run(law())


def test_nothing_traded_has_no_nodes_and_no_letter():
    async def law() -> None:
        asked = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
        data = (await profile_of(await filled(), **asked)).data
        assert (data.hvn, data.lvn, data.shape) == ([], [], None)
        assert {one.val for one in data.sensitivity} == {None}

    asyncio.run(law())


def test_a_session_and_a_rolling_range_are_what_their_ends_would_give():
    async def law() -> None:
        market = await filled()
        now = market.clock.now()
        named = await profile_of(market, session="utc_day", date="2024-08-08")
        start = Timeframe.D1.floor(BASE)
        ends = await profile_of(market, start=ms(start), end=ms(start + DAY))
        assert named.data == ends.data
        assert named.meta.range == ends.meta.range
        assert 0 < named.data.count < len(TAPE)
        rolling = await profile_of(market, rolling=8)
        assert rolling.meta.range.start == (now - 8 * MINUTE) // NS_PER_MS
        assert rolling.meta.range.end == now // NS_PER_MS
        today = await profile_of(market, session="utc_day")
        assert today.meta.range.start == (start + DAY) // NS_PER_MS
        # What has not come yet is not part of an answer.
        assert today.meta.range.end == now // NS_PER_MS
        assert today.data.count + named.data.count == len(TAPE)
        assert named.meta.method.items() >= {"session": "utc_day", "date": "2024-08-08"}.items()
        assert today.meta.method.items() >= {"session": "utc_day", "date": "2024-08-09"}.items()
        assert rolling.meta.method["rolling"] == 8
        assert not {"session", "date", "rolling"} & set(ends.meta.method)

    asyncio.run(law())


@pytest.mark.parametrize("name", ["utc_day", "asia", "europe", "us", "week", "month"])
def test_a_session_of_the_past_is_read_whole(name):
    question = ProfileQuestion(**ASKED, session=name, date="2024-06-12")
    from_, to = profile_range(question, BASE, LONGEST)
    found = session(name, date(2024, 6, 12))
    assert (from_, to) == (found.start, found.end)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"session": "asia", "start": ms(BASE)}, BadRequestError),
        ({"session": "asia", "rolling": 5}, BadRequestError),
        ({"rolling": 5, "end": ms(BASE)}, BadRequestError),
        ({"session": "lunch"}, BadRequestError),
        ({"date": "2024-08-08"}, BadRequestError),
        ({"session": "asia", "date": "yesterday"}, BadTimeError),
        ({"session": "asia", "date": "0001-01-01"}, BadTimeError),
        ({"session": "month", "date": "9999-12-31"}, BadTimeError),
        ({"session": "asia", "date": "2024-08-20"}, BadTimeError),
        ({"rolling": 0}, LimitError),
        ({"rolling": MOST_ROLLING + 1}, LimitError),
    ],
)
def test_a_range_that_nobody_can_mean_is_refused(asked, error):
    with pytest.raises(error) as refused:
        profile_range(ProfileQuestion(**ASKED | asked), BASE, LONGEST)
    assert refused.value.status == 400


@pytest.mark.parametrize("method", ["cbot2", "sparse", "shortest"])
@pytest.mark.parametrize("step", ["1m", "5m", "1h", "1d"])
def test_the_last_step_is_what_the_whole_profile_says(step, method):
    async def law() -> None:
        market = await filled()
        asked = RANGE | {"va_method": method}
        answer = await series(market).developing(DevelopingQuestion(**ASKED | asked, step=step))
        covered = {"start": str(answer.meta.range.start), "end": str(answer.meta.range.end)}
        whole = (await profile_of(market, **covered, va_method=method)).data
        last = answer.data.steps[-1]
        assert (last.poc.low, last.poc.high) == (whole.poc.low, whole.poc.high)
        assert (last.val, last.vah) == (whole.value_area.val, whole.value_area.vah)
        assert answer.data.row_ticks == whole.row_ticks
        assert floats_in(decoded(answer)["data"]) == []

    asyncio.run(law())


def test_every_step_is_what_the_tape_up_to_it_says():
    async def law() -> None:
        asked = DevelopingQuestion(**ASKED | RANGE, step="1m", row_ticks=WIDTH)
        answer = await series(await filled()).developing(asked)
        steps = answer.data.steps
        told = {one.time * NS_PER_MS: one for one in steps}
        last = None
        for end in range(BASE + MINUTE, BASE + 5 * MINUTE, MINUTE):
            area = value_area(rows_of([t for t in TAPE if t.exchange_time < end], WIDTH))
            now = (price(area.poc, WIDTH), price(area.val, WIDTH), price(area.vah, WIDTH, 4))
            assert (end in told) == (now != last)
            if end in told:
                assert (told[end].poc.low, told[end].val, told[end].vah) == now
            last = now
        assert len(steps) > 1

    asyncio.run(law())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"step": "15s"}, BadRequestError),
        ({"step": "2m"}, BadRequestError),
        ({"va_method": "guess"}, BadRequestError),
        ({"row_ticks": 0}, LimitError),
        ({"step": "1m", "end": ms(BASE + 2001 * MINUTE)}, LimitError),
        ({"start": ms(BASE + MINUTE), "end": ms(BASE)}, BadTimeError),
    ],
)
def test_a_series_that_cannot_be_made_is_refused(asked, error):
    async def law() -> None:
        with pytest.raises(error):
            await series(await filled()).developing(DevelopingQuestion(**ASKED | RANGE | asked))

    asyncio.run(law())


def test_rows_times_steps_are_bounded(monkeypatch):
    monkeypatch.setattr("cloud_marketdata.api.profile_series.growth.MOST_CELLS", 37 * 4 - 1)

    async def law() -> None:
        market = await filled()
        asked = ASKED | RANGE | {"step": "1m"}
        with pytest.raises(LimitError):
            await series(market).developing(DevelopingQuestion(**asked, row_ticks=1))
        assert await series(market).developing(DevelopingQuestion(**asked, row_ticks=2))

    asyncio.run(law())


def walk(seed: int, days: int = 7):
    """Return a tape of days that wander, with jumps, ending in the middle of a day."""
    chance, at, tape = random.Random(seed), 617_000, []  # noqa: S311  a seed repeats
    times = sorted(chance.sample(range(days * 86_400), 220))
    for sequence, second in enumerate(times):
        at += chance.choice((-40, -7, -3, 0, 3, 7, 40)) + (chance.random() < 0.1) * 60
        side = chance.choice(list(Side))
        tape.append(trade(sequence, second * 1000, at, chance.randint(1, 9), side, BTC))
    return tape


def brute_fill(poc: int, inside, after, rule: str):
    """Walk trade by trade (touch) or minute by minute (close_beyond)."""
    at = inside[-1].price // WIDTH
    if rule == "touch":
        for one in after:
            row = one.price // WIDTH
            if row == poc or (at - poc) * (row - poc) < 0:
                return Timeframe.M1.floor(one.exchange_time)
            at = row
        return None
    for start, minute in groupby(after, key=lambda one: Timeframe.M1.floor(one.exchange_time)):
        close = list(minute)[-1].price // WIDTH
        if (at - poc) * (close - poc) < 0:
            return start
        at = close if close != poc else at
    return None


@pytest.mark.parametrize("name", ["utc_day", "asia"])
@pytest.mark.parametrize("rule", ["touch", "close_beyond"])
@pytest.mark.parametrize("seed", range(6))
def test_naked_controls_are_those_of_brute_force(seed, rule, name):
    tape = walk(seed)
    now = BASE + 7 * DAY

    async def law() -> None:
        # Half of the tape is saved as closed buckets, the other half is still in the log.
        market = await filled(tape, now, until=BASE + 3 * DAY)
        asked = {"session": name, "rule": rule, "row_ticks": WIDTH, "look_back": 5}
        answer = await series(market).naked(NakedQuestion(**ASKED, **asked))
        wanted = []
        for age, one in enumerate(reversed(closed_sessions(name, now, 5))):
            inside = [t for t in tape if one.start <= t.exchange_time < one.end]
            after = [t for t in tape if t.exchange_time >= one.end]
            if inside:
                poc = Ladder(rows_of(inside, WIDTH)).control
                at = brute_fill(poc, inside, after, rule)
                wanted.append((one.day.isoformat(), price(poc, WIDTH), at, age))
        told = [
            (one.day, one.poc.low, one.filled_at and one.filled_at.start * NS_PER_MS, one.age)
            for one in answer.data.controls
        ]
        assert told == wanted[::-1]
        assert len(told) > 2
        assert all(one.naked == (one.filled_at is None) for one in answer.data.controls)
        assert all(
            one.filled_at.end - one.filled_at.start == 60_000
            for one in answer.data.controls
            if one.filled_at
        )
        assert floats_in(decoded(answer)["data"]) == []

    asyncio.run(law())


def test_the_tapes_have_controls_that_stay_naked_and_such_that_do_not():
    async def law() -> None:
        found = set()
        for seed in range(6):
            market = await filled(walk(seed), BASE + 7 * DAY, until=BASE + 3 * DAY)
            answer = await series(market).naked(NakedQuestion(**ASKED, row_ticks=WIDTH))
            found |= {one.naked for one in answer.data.controls}
        assert found == {True, False}

    asyncio.run(law())


def test_without_trades_there_are_no_controls():
    async def law() -> None:
        market = await Market().open()
        answer = await series(market).naked(NakedQuestion(**ASKED))
        assert answer.data.controls == []

    asyncio.run(law())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"session": "lunch"}, BadRequestError),
        ({"rule": "guess"}, BadRequestError),
        ({"look_back": 0}, LimitError),
        ({"look_back": 91}, LimitError),
        ({"row_ticks": 0}, LimitError),
    ],
)
def test_controls_that_cannot_be_found_are_refused(asked, error):
    async def law() -> None:
        with pytest.raises(error):
            await series(await filled()).naked(NakedQuestion(**ASKED | asked))

    asyncio.run(law())
