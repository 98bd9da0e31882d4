"""Order flow answers equal brute force over the tape, page by page, across gaps and resets."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from flows import answer_of, flow_of, path, signed, tell, told
from hypothesis import given
from hypothesis import strategies as st
from tape import BASE, MINUTE, TAPE, Market, decoded, floats_in, ms, trade

from cloud_marketdata.api.flow.readings import OTHER_TRADES, TOO_SHORT, UNTOLD
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, TradeFlag

END = BASE + 6 * MINUTE
RANGE = {"start": ms(BASE - 2 * MINUTE), "end": ms(END)}
MIDNIGHT = BASE + 2 * MINUTE
RESETS: list[dict[str, Any]] = [
    {"reset": "session"},
    {"reset": "none"},
    {"reset": "anchor", "anchor": ms(BASE + MINUTE)},
    {"reset": "rolling", "rolling": 2},
]


async def filled(tape: list[TradeEvent] = TAPE, saved: int = 150) -> Market:
    market = await Market().open()
    await market.append(tape[:saved])
    await market.save(BASE + MINUTE)
    await market.append(tape[saved:])
    return market


def lots(text: str | None) -> int:
    assert text is not None
    return int(Decimal(text) * 1000)


def since_of(reset: dict[str, Any], start: int, end: int) -> int:
    """Return from when the sum at the end of a bar counts, by the definitions."""
    if reset["reset"] == "session":
        return Timeframe.D1.floor(start)
    if reset["reset"] == "rolling":
        return end - reset["rolling"] * MINUTE
    return int(reset.get("anchor", 0)) * NS_PER_MS


@pytest.mark.parametrize("frame", ["1s", "5s", "15s", "1m", "5m", "1h", "1d"])
def test_bars_hold_the_delta_of_their_trades(frame):
    async def law() -> None:
        market = await filled()
        data = await flow_of(market, timeframe=frame, limit=1000, **RANGE)
        size = Timeframe(frame).ns
        for bar in data.bars:
            start = bar.open_time * NS_PER_MS
            inside = [one for one in TAPE if start <= one.exchange_time < start + size]
            assert lots(bar.volume) == sum(one.size for one in inside)
            assert lots(bar.buy) == sum(one.size for one in inside if one.side is Side.BUY)
            assert lots(bar.delta) == sum(map(signed, inside))
            exact = Decimal(100 * lots(bar.delta)) / lots(bar.volume)
            assert bar.delta_pct == format(exact.quantize(Decimal("0.0001")), "f")
        assert lots(data.delta) == sum(map(signed, TAPE)) == sum(lots(b.delta) for b in data.bars)

    asyncio.run(law())


@pytest.mark.parametrize("reset", RESETS, ids=lambda reset: reset["reset"])
@pytest.mark.parametrize("frame", ["15s", "1m"])
def test_cvd_is_the_sum_of_deltas_since_the_reset_on_every_page(reset, frame):
    """Pages of two bars show what one page of all bars shows."""

    async def law() -> None:
        market = await filled()
        size = Timeframe(frame).ns
        asked = reset | RANGE | {"timeframe": frame}
        whole = await flow_of(market, **asked)
        pages, cursor = [], None
        while True:
            answer = await answer_of(market, **asked, limit=2, cursor=cursor)
            pages += answer.data.bars
            cursor = answer.meta.next_cursor
            if cursor is None:
                break
        bare = [one.model_copy(update={"swing_divergence": None}) for one in pages]
        assert bare == [one.model_copy(update={"swing_divergence": None}) for one in whole.bars]
        for bar in pages:
            start = bar.open_time * NS_PER_MS
            since = since_of(reset, start, start + size)
            if since > start:
                assert bar.cvd is None
                continue
            inside = [one for one in TAPE if since <= one.exchange_time < start + size]
            assert lots(bar.cvd) == sum(map(signed, inside))
            assert bar.segment == 0
            assert bar.complete

    asyncio.run(law())


def test_a_session_counts_from_midnight_and_says_so():
    async def law() -> None:
        data = await flow_of(await filled(), **RANGE)
        assert [bar.cvd_reset_at for bar in data.bars][-1] == MIDNIGHT // NS_PER_MS
        assert data.cvd.reset_at == data.cvd.since == MIDNIGHT // NS_PER_MS
        assert data.cvd.continuous is True

    asyncio.run(law())


def test_a_sum_that_began_after_its_reset_is_not_called_continuous():
    async def law() -> None:
        data = await flow_of(await filled(), **RANGE | {"end": ms(MIDNIGHT)})
        assert data.cvd.since == BASE // NS_PER_MS
        assert data.cvd.reset_at == (MIDNIGHT - Timeframe.D1.ns) // NS_PER_MS
        assert data.cvd.continuous is False

    asyncio.run(law())


def holed() -> list[TradeEvent]:
    """Return the tape without five trades in its second minute."""
    return [one for one in TAPE if not 100 <= one.sequence < 105]


@pytest.mark.parametrize("frame", ["15s", "1m"])
def test_a_gap_begins_a_new_segment_wherever_the_page_begins(frame):
    async def law() -> None:
        market = await filled(holed())
        gap = TAPE[99].exchange_time, TAPE[105].exchange_time
        size = Timeframe(frame)
        asked = RANGE | {"timeframe": frame, "reset": "none"}
        whole = await flow_of(market, **asked)
        behind = [bar for bar in whole.bars if bar.segment]
        assert {bar.segment for bar in whole.bars} == {0, 1}
        assert behind[0].open_time == size.floor(gap[0]) // NS_PER_MS
        assert [bar.open_time for bar in whole.bars if not bar.complete] == [behind[0].open_time]
        for bar in behind:
            end = bar.open_time * NS_PER_MS + size.ns
            since = behind[0].open_time * NS_PER_MS
            inside = [one for one in holed() if since <= one.exchange_time < end]
            assert lots(bar.cvd) == sum(map(signed, inside))
        late = await flow_of(market, **asked | {"start": ms(BASE + 3 * MINUTE)})
        assert [bar.cvd for bar in late.bars] == [b.cvd for b in whole.bars[-len(late.bars) :]]
        assert {bar.segment for bar in late.bars} == {1}
        assert whole.cvd.continuous is late.cvd.continuous is False
        assert late.cvd.gaps_total == 1

    asyncio.run(law())


def test_a_gap_that_was_filled_and_proven_breaks_nothing():
    async def law() -> None:
        market = await filled(holed())
        await market.append(TAPE[100:105])
        data = await flow_of(market, reset="none", **RANGE)
        assert data.cvd.continuous is True
        assert [bar.segment for bar in data.bars] == [0] * len(data.bars)
        assert lots(data.bars[-1].cvd) == sum(map(signed, TAPE))

    asyncio.run(law())


def test_what_lies_long_before_the_page_is_summed_too():
    """The base reaches behind the twenty bars that are read one by one."""
    tape = [trade(at, at * 20_000, side=list(Side)[at % 3 == 0]) for at in range(200)]

    async def law() -> None:
        market = await filled(tape)
        end = BASE + 70 * MINUTE
        market.clock.time = end
        asked = {"start": ms(end - 8 * MINUTE), "end": ms(end)}
        for reset in RESETS:
            data = await flow_of(market, **asked, **reset)
            assert data.bars
            for bar in data.bars:
                start = bar.open_time * NS_PER_MS
                since = since_of(reset, start, start + MINUTE)
                inside = [one for one in tape if since <= one.exchange_time < start + MINUTE]
                assert lots(bar.cvd) == sum(map(signed, inside))

    asyncio.run(law())


def test_a_rolling_sum_reaches_behind_the_bars_that_divergence_needs():
    tape = [trade(at, at * 20_000, side=list(Side)[at % 3 == 0]) for at in range(200)]

    async def law() -> None:
        market = await filled(tape)
        end = BASE + 60 * MINUTE
        asked = {"start": ms(end - 2 * MINUTE), "end": ms(end), "timeframe": "1m"}
        market.clock.time = end
        for bar in (await flow_of(market, reset="rolling", rolling=45, **asked)).bars:
            close = bar.open_time * NS_PER_MS + MINUTE
            inside = [one for one in tape if close - 45 * MINUTE <= one.exchange_time < close]
            assert lots(bar.cvd) == sum(map(signed, inside))

    asyncio.run(law())


def test_a_page_may_begin_inside_a_minute_whose_raw_trades_are_gone():
    start = BASE + 3 * MINUTE + 15_000 * NS_PER_MS
    asked = {"start": ms(start), "end": ms(END), "timeframe": "1s", "limit": 2}

    async def law() -> None:
        market = await Market().open()
        for at in range(0, len(TAPE), 30):
            await market.append(TAPE[at : at + 30])
        await market.save(END)
        await market.stores.log.trim(market.stream, upto=9, before=BASE + 100 * MINUTE)
        left = await market.stores.log.read(market.stream)
        assert left[0].events[0].exchange_time > BASE + 3 * MINUTE
        (bar, _) = (await flow_of(market, **asked)).bars
        end = bar.open_time * NS_PER_MS + 1_000 * NS_PER_MS
        inside = [one for one in TAPE if MIDNIGHT <= one.exchange_time < end]
        assert lots(bar.cvd) == sum(map(signed, inside))

    asyncio.run(law())


@pytest.mark.parametrize("frame", ["15s", "1m", "5m"])
def test_a_gap_long_before_the_page_is_not_carried_over_either(frame):
    every = [trade(at, at * 20_000, side=list(Side)[at % 3 == 0]) for at in range(200)]
    tape = [one for one in every if not 40 <= one.sequence < 43]

    async def law() -> None:
        market = await filled(tape)
        end = BASE + 70 * MINUTE
        market.clock.time = end
        asked = {"start": ms(end - 8 * MINUTE), "end": ms(end), "timeframe": frame}
        size = Timeframe(frame)
        for reset in RESETS[:3]:
            data = await flow_of(market, **asked, **reset)
            # The gap begins and ends inside bars of their own where bars are short.
            edges = {size.floor(every[39].exchange_time), size.floor(every[43].exchange_time - 1)}
            for bar in data.bars:
                end_of = bar.open_time * NS_PER_MS + size.ns
                inside = [one for one in tape if max(edges) <= one.exchange_time < end_of]
                assert lots(bar.cvd) == sum(map(signed, inside))
                assert bar.cvd_since == max(edges) // NS_PER_MS
                assert bar.segment == len(edges)
            assert data.cvd.continuous is False

    asyncio.run(law())


def test_min_and_max_delta_are_those_of_the_bar_s_trades():
    async def law() -> None:
        market = await filled()
        await tell(market, told(TAPE, book_ms=60_000)[:-1])
        for frame in ("1m", "5m"):
            data = await flow_of(market, timeframe=frame, **RANGE)
            size = Timeframe(frame).ns
            for bar in data.bars[:-1]:
                start = bar.open_time * NS_PER_MS
                inside = [one for one in TAPE if start <= one.exchange_time < start + size]
                _, least, most = path(inside)
                assert (lots(bar.min_delta), lots(bar.max_delta)) == (least, most)
                assert bar.clusters == len(inside)
                assert bar.path_reason is None
                assert bar.measures == {}
                assert bar.book_ms == 60_000 * bar.told_minutes
        # The newest minute has not been told: one has no reading, five have some.
        minute = (await flow_of(market, timeframe="1m", **RANGE)).bars[-1]
        assert (minute.min_delta, minute.path_reason) == (None, UNTOLD)
        five = (await flow_of(market, timeframe="5m", **RANGE)).bars[-1]
        assert (five.max_delta, five.path_reason) == (None, OTHER_TRADES)

    asyncio.run(law())


def test_a_minute_told_before_a_late_trade_gives_no_wrong_extremes():
    late = trade(1000, 10, size=7, side=Side.SELL)

    async def law() -> None:
        market = await filled()
        await tell(market, told(TAPE))
        await market.append([late])
        before = await flow_of(market, **RANGE)
        assert (before.bars[0].min_delta, before.bars[0].path_reason) == (None, OTHER_TRADES)
        assert all(bar.path_reason is None for bar in before.bars[1:])
        # Told again with the late trade inside, the answer is that of a tape without lateness.
        tape = sorted([*TAPE, late], key=lambda one: (one.exchange_time, one.sequence))
        await tell(market, told(tape, revision=1, late=1))
        again = (await flow_of(market, **RANGE)).bars[0]
        _, least, most = path(one for one in tape if one.exchange_time < BASE + MINUTE)
        assert (lots(again.min_delta), lots(again.max_delta)) == (least, most)

    asyncio.run(law())


def test_what_was_kept_out_of_bars_is_no_part_of_delta():
    block = trade(300, 211_000, size=500, flags=int(TradeFlag.BLOCK))

    async def law() -> None:
        market = await filled([*TAPE, block])
        await tell(market, told([*TAPE, block]))
        data = await flow_of(market, **RANGE)
        assert lots(data.delta) == sum(map(signed, TAPE))
        assert all(bar.path_reason is None for bar in data.bars)

    asyncio.run(law())


def test_seconds_have_no_measures_and_say_why():
    async def law() -> None:
        market = await filled()
        await tell(market, told(TAPE))
        bar = (await flow_of(market, timeframe="1s", **RANGE)).bars[0]
        assert (bar.measures_reason, bar.path_reason) == (TOO_SHORT, TOO_SHORT)

    asyncio.run(law())


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(Side)), min_size=1, max_size=30))
def test_merged_minutes_have_the_extremes_of_the_whole_tape(drawn):
    """Definitions 1.7: (S, M, m) o (S', M', m') in order, whichever way the tape is cut."""
    tape = [trade(at, at * 9_000, size=size, side=side) for at, (size, side) in enumerate(drawn)]

    async def law() -> None:
        market = await filled(tape, saved=len(tape) // 2)
        await tell(market, told(tape))
        (bar,) = (await flow_of(market, timeframe="1d", **RANGE | {"end": ms(MIDNIGHT)})).bars
        inside = [one for one in tape if one.exchange_time < MIDNIGHT]
        minutes = {Timeframe.M1.floor(one.exchange_time) for one in inside}
        delta, least, most = path(inside)
        assert lots(bar.delta) == delta
        assert (lots(bar.min_delta), lots(bar.max_delta)) == (least, most)
        assert bar.told_minutes == max(minutes) // MINUTE - min(minutes) // MINUTE + 1

    asyncio.run(law())


def test_divergence_needs_twenty_bars_and_then_sees_a_high_that_sellers_made():
    rising = [trade(at, at * 60_000, 617_000 + at, side=Side.SELL) for at in range(25)]

    async def law() -> None:
        market = await filled(rising)
        asked = {"start": ms(BASE), "end": ms(BASE + 25 * MINUTE), "reset": "none"}
        bars = (await flow_of(market, **asked)).bars
        assert [bar.swing_divergence for bar in bars[:20]] == [None] * 20
        assert {tuple(bar.swing_divergence or ()) for bar in bars[20:]} == {
            ("higher_high_lower_cvd",)
        }
        alone = await flow_of(market, **asked | {"start": ms(BASE + 24 * MINUTE)})
        assert alone.bars == bars[24:]

    asyncio.run(law())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"reset": "weekly"}, BadRequestError),
        ({"anchor": 1_700_000_000_000}, BadRequestError),
        ({"reset": "anchor"}, BadRequestError),
        ({"reset": "rolling"}, BadRequestError),
        ({"rolling": 5}, BadRequestError),
        ({"reset": "rolling", "rolling": 0}, BadRequestError),
        ({"reset": "rolling", "rolling": 7, "timeframe": "5m"}, BadRequestError),
        ({"reset": "rolling", "rolling": 2001}, LimitError),
        ({"timeframe": "2m"}, BadRequestError),
        ({"limit": 0}, LimitError),
    ],
)
def test_what_makes_no_sense_is_refused(asked, error):
    async def law() -> None:
        market = await filled()
        with pytest.raises(error):
            await flow_of(market, **asked)

    asyncio.run(law())


def test_no_price_size_or_sum_is_a_float():
    async def law() -> None:
        market = await filled()
        await tell(market, told(TAPE))
        answer = decoded(await answer_of(market, **RANGE))
        assert floats_in(answer["data"]) == []

    asyncio.run(law())


def test_an_answer_without_trades_is_an_answer():
    async def law() -> None:
        market = await Market().open()
        data = await flow_of(market, **RANGE)
        assert (data.bars, data.volume, data.delta_pct) == ([], "0.000", None)
        assert data.cvd.continuous is False

    asyncio.run(law())
