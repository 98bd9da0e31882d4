"""stream_trades: however calls, appends and late fills fall, no trade is lost or repeated."""

import asyncio
from typing import Any

import pytest
from followed import NOW_MS, Place, tape
from hypothesis import given, settings
from hypothesis import strategies as st
from tape import BASE, BTC, BYBIT, MINUTE, trade

from cloud_marketdata.api.cursors import BadCursorError
from cloud_marketdata.api.mcp.tape.cursors import encode
from cloud_marketdata.api.mcp.tape.orders import Wanted
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import NS_PER_MS, Side


@st.composite
def days(draw: st.DrawFn) -> tuple[list[list[int]], list[int], int]:
    """Return entries of ids with holes that are partly filled later; limits; where to wait."""
    numbers = draw(st.lists(st.integers(0, 120), min_size=2, unique=True).map(sorted))
    late = draw(st.lists(st.sampled_from(numbers), unique=True, max_size=5))
    order = [number for number in numbers if number not in late]
    for number in late:
        order.insert(draw(st.integers(len(order) // 2, len(order))), number)
    entries, at = [], 0
    while at < len(order):
        size = draw(st.integers(1, 9))
        entries.append(order[at : at + size])
        at += size
    limits = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    return entries, limits, draw(st.integers(0, len(entries)))


@given(days(), st.sampled_from([BTC, BYBIT]), st.sampled_from([None, Side.BUY, Side.SELL]))
@settings(max_examples=30, deadline=None)
def test_calls_one_after_the_other_give_exactly_the_log(day, instrument, side) -> None:
    entries, limits, before = day

    async def law() -> None:
        place = await Place(instrument).open()
        for entry in entries[:before]:
            await place.market.append(tape(entry, instrument))
        # Without a cursor the newest entry is where it begins, and what that gives counts too.
        first = entries[max(0, before - 1)] if before else []
        got: list[Any] = []
        cursor: str | None = None
        for number, entry in enumerate([*entries[before:], None]):
            for _ in range(50):
                most = limits[number % len(limits)]
                piece = await place.pull(cursor, most, 0, Wanted(side, None))
                got += [one.id for one in piece.pulled.trades]
                cursor = place.cursor(piece)
                if piece.pulled.complete != "full":
                    break
            if entry is not None:
                await place.market.append(tape(entry, instrument))
        expected = [one.id for e in [first, *entries[before:]] for one in tape(e, instrument)]
        assert got == expected

    asyncio.run(law())


@given(days())
@settings(max_examples=30, deadline=None)
def test_what_is_missing_and_filled_adds_up_to_the_ids(day) -> None:
    entries, limits, _ = day

    async def law() -> None:
        place = await Place().open()
        await place.market.append(tape(entries[0]))
        piece = await place.pull(None, 1000, 0)
        cursor, high = place.cursor(piece), max(entries[0])
        for number, entry in enumerate(entries[1:]):
            await place.market.append(tape(entry))
            missing = filled = 0
            for _ in range(50):
                piece = await place.pull(cursor, limits[number % len(limits)], 0)
                cursor = place.cursor(piece)
                missing += piece.lost.missing or 0
                filled += piece.lost.filled
                if piece.pulled.complete != "full":
                    break
            fresh = [one for one in entry if one > high]
            top = max([high, *fresh])
            # An id that comes behind a higher one was missing before it filled its own hole.
            assert missing - filled == top - high - len(entry)
            high = top

    asyncio.run(law())


def test_trades_that_left_the_log_are_counted_exactly_by_their_ids() -> None:
    async def law() -> None:
        place = await Place().open()
        await place.market.append(tape([1, 2, 3]))
        cursor = place.cursor(await place.pull(None, 100, 0))
        for number in range(4, 24, 2):
            await place.market.append(tape([number, number + 1]))
        last = await place.log.last(place.market.stream)
        gone = await place.log.trim(
            place.market.stream, upto=last.position - 1, before=BASE + 20 * MINUTE
        )
        assert gone
        piece = await place.pull(cursor, 100, 0)
        left = [one.id for one in piece.pulled.trades]
        assert piece.lost.missing == 20 - len(left)
        assert not piece.lost.whole
        assert "left the log" in piece.lost.words

    asyncio.run(law())


def test_where_ids_prove_nothing_a_trimmed_log_is_told_and_not_counted() -> None:
    async def law() -> None:
        place = await Place(BYBIT).open()
        await place.market.append(tape([1, 2, 3], BYBIT))
        cursor = place.cursor(await place.pull(None, 100, 0))
        for number in (4, 5, 6):
            await place.market.append(tape([number], BYBIT))
        piece = await place.pull(cursor, 1, 0)
        assert piece.lost.whole
        last = await place.log.last(place.market.stream)
        await place.log.trim(place.market.stream, upto=last.position - 1, before=BASE + 20 * MINUTE)
        piece = await place.pull(cursor, 100, 0)
        assert piece.lost.missing is None
        assert not piece.lost.whole
        assert "cannot count" in piece.lost.words

    asyncio.run(law())


def test_what_is_appended_during_a_wait_ends_it_or_is_in_the_answer() -> None:
    async def law() -> None:
        place = await Place().open()
        await place.market.append(tape([1]))
        cursor = place.cursor(await place.pull(None, 100, 0))

        async def come() -> None:
            await place.market.append(tape([2, 3, 4]))

        place.clock.meanwhile = come
        piece = await place.pull(cursor, 3, 25)
        assert [one.id for one in piece.pulled.trades] == [2, 3, 4]
        assert piece.pulled.complete == "full"
        assert piece.waited_s < 1
        piece = await place.pull(place.cursor(piece), 3, 2)
        assert (piece.pulled.complete, piece.pulled.trades) == ("timeout", [])
        assert piece.waited_s >= 2

    asyncio.run(law())


def test_progress_grows_strictly_while_it_waits() -> None:
    async def law() -> None:
        place = await Place().open()
        await place.pull(None, 10, 3)
        passed = [one for one, _ in place.told]
        assert len(passed) > 3
        assert passed == sorted(set(passed))

    asyncio.run(law())


@pytest.mark.parametrize("told", ["nothing", "silent", "lost", "no trades"])
def test_a_feed_that_is_down_is_told_at_once(told: str) -> None:
    async def law() -> None:
        place = await Place().open(alive=False)
        await place.market.append(tape([1, 2]))
        if told == "silent":
            await place.market.tell(StatusKind.ALIVE, NOW_MS - 60_000, trades=1)
        if told == "lost":
            await place.market.tell(StatusKind.TRADES_LOST, NOW_MS, since_ms=NOW_MS)
        if told == "no trades":
            await place.market.tell(StatusKind.ALIVE, NOW_MS, trades=0)
        piece = await place.pull(None, 100, 25)
        assert piece.pulled.complete == "feed_down"
        assert [one.id for one in piece.pulled.trades] == [1, 2]
        assert piece.waited_s == 0

    asyncio.run(law())


@pytest.mark.parametrize("wrong", ["abc", "", "bybit", "ahead", "other log"])
def test_a_cursor_that_is_not_of_this_log_is_refused(wrong: str) -> None:
    async def law() -> None:
        place = await Place().open()
        await place.market.append(tape([1, 2]))
        good = (await place.pull(None, 100, 0)).cursor
        if wrong == "bybit":
            other = await Place(BYBIT).open()
            given_ = encode((await other.pull(None, 1, 0)).cursor)
        elif wrong == "ahead":
            place = await Place().open()
            given_ = encode(good)
        elif wrong == "other log":
            place = await Place(later=1).open()
            await place.market.append(tape([8, 9]))
            given_ = encode(good)
        else:
            given_ = wrong or "?"
        with pytest.raises(BadCursorError):
            await place.pull(given_, 100, 0)

    asyncio.run(law())


def test_an_order_is_not_cut_and_its_rest_is_said_to_continue_it() -> None:
    async def law() -> None:
        place = await Place().open()
        many = [trade(at, NOW_MS - 50, size=2) for at in range(1, 9)]
        await place.market.append(many[:6])
        piece = await place.pull(None, 3, 0)
        assert [one.cluster.trades for one in piece.orders.taken] == [6]
        assert not piece.continues
        await place.market.append(many[6:])
        rest = await place.pull(place.cursor(piece), 100, 0)
        assert rest.continues
        assert [one.cluster.trades for one in rest.orders.taken] == [2]

    asyncio.run(law())


def test_cancelling_a_call_leaves_nothing_behind() -> None:
    async def law() -> None:
        place = await Place().open()

        slept = asyncio.Event()

        async def never(_seconds: float) -> None:
            slept.set()
            await asyncio.get_running_loop().create_future()

        place.clock.sleep = never
        before = asyncio.all_tasks()
        waiting = asyncio.ensure_future(place.pull(None, 100, 25))
        await slept.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asyncio.all_tasks() == before
        assert not place.log._wakeup._waiting

    asyncio.run(law())


def test_quality_tells_of_the_gap_that_the_tape_shows() -> None:
    async def law() -> None:
        place = await Place().open()
        await place.market.append(tape([1, 2, 3]))
        cursor = place.cursor(await place.pull(None, 100, 0))
        await place.market.append(tape([50, 51]))
        piece = await place.pull(cursor, 100, 0)
        assert piece.lost.missing == 46
        gaps = piece.meta.quality.gaps
        assert [gap.missing for gap in gaps] == [46]
        assert piece.meta.range.end * NS_PER_MS >= place.clock.now()

    asyncio.run(law())
