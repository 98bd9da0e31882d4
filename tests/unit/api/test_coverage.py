"""The coverage of a range is what ids and facts prove, and agrees with every answer beside it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tape import BASE, BTC, BYBIT, MINUTE, ROOT, FixedClock, Market, ms, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.coverages import CoverageAnswer
from cloud_marketdata.api.missing_ids import MOST_ID_RANGES
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.questions import (
    CandlesQuestion,
    CoverageQuestion,
    ProfileQuestion,
    TradesQuestion,
)
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.coverage import NOTHING_KNOWN
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import NS_PER_MS
from guarded import Guarded

pytestmark = pytest.mark.anyio
AT = BASE // NS_PER_MS
GAP = {"after_id": 2, "before_id": 6, "from_ms": 2_000, "to_ms": 6_000}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def asked(market: Market, start: int, end: int) -> dict[str, Any]:
    """Return a range given in ms after the beginning of the tape."""
    at = {"venue": market.instrument.venue, "symbol": market.instrument.symbol}
    return at | {"start": str(AT + start), "end": str(AT + end)}


async def coverage(market: Market, start: int, end: int, stream: str = "trades") -> CoverageAnswer:
    question = CoverageQuestion(**asked(market, start, end), stream=stream)
    return await market.queries.coverage(question)


def pieces(answer: CoverageAnswer) -> list[tuple[int, int, str]]:
    return [(i.start - AT, i.end - AT, i.state) for i in answer.data.intervals]


blocks = st.lists(
    st.tuples(st.integers(0, 80), st.integers(1, 12), st.booleans()), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(blocks, st.integers(-5, 95), st.integers(1, 60))
def test_pieces_fill_any_range_and_agree_with_brute_force(drawn, start, length):
    """Trade n happens in second n; blocks come in any order, and some of them are saved."""

    async def law() -> None:
        market = await Market().open()
        state: dict[int, str] = {}
        for first, count, save in drawn:
            fresh = [n for n in range(first, first + count) if n not in state]
            for n in fresh:
                late = bool(state) and min(state) < n < max(state)
                state[n] = "repaired" if late else "complete"
            await market.append([trade(n, n * 1000) for n in fresh])
            if save:
                await market.save()
        answer = await coverage(market, start * 1000, (start + length) * 1000)
        found = pieces(answer)
        assert [p[0] for p in found] == [start * 1000, *(p[1] for p in found[:-1])]
        assert found[-1][1] == (start + length) * 1000
        lasting = dict.fromkeys(("complete", "repaired", "unbroken", "unknown", "missing"), 0)
        for low, high, of in found:
            lasting[of] += high - low
        shares = {of: ms_in * 10**6 // (length * 1000) / 10**6 for of, ms_in in lasting.items()}
        assert answer.data.shares.model_dump() == shares
        # In the middle of each second between two trades: what is known of both, or a hole.
        for second in range(start, start + length):
            ids = [state.get(n, "missing") for n in (second, second + 1)]
            between = min(state) <= second < max(state)
            [of] = {p[2] for p in found if p[0] <= second * 1000 + 500 < p[1]}
            if not between:
                assert of == "unknown"
            elif "missing" in ids:
                assert of == "missing"
            else:
                assert of == ("repaired" if "repaired" in ids else "complete")

    asyncio.run(law())


@settings(max_examples=40, deadline=None)
@given(blocks, st.sampled_from(["profile", "candles", "trades"]))
def test_what_is_there_and_what_is_missing_make_up_all_ids(drawn, kind):
    async def law() -> None:
        market = await Market().open()
        seen: set[int] = set()
        for first, count, save in drawn:
            fresh = [n for n in range(first, first + count) if n not in seen]
            seen.update(fresh)
            await market.append([trade(n, n * 1000) for n in fresh])
            if save:
                await market.save(BASE + MINUTE)
        given, here = asked(market, 0, 100_000), len(seen)
        if kind == "profile":
            answer = await market.queries.volume_profile(ProfileQuestion(**given))
            assert answer.data.count == here
        elif kind == "candles":
            answer = await market.queries.candles(CandlesQuestion(**given, timeframe="1s"))
            assert sum(bar.count for bar in answer.data) == here
        else:
            answer = await market.queries.trades(TradesQuestion(**given, limit=1000))
            assert len(answer.data) == here
        assert all(gap.missing for gap in answer.meta.quality.gaps)
        missing = {
            n for gap in answer.meta.quality.gaps for n in range(gap.after_id + 1, gap.before_id)
        }
        assert missing == set(range(min(seen), max(seen))) - seen
        assert sum(gap.missing for gap in answer.meta.quality.gaps) == len(missing)
        told = (await coverage(market, 0, 100_000)).data
        assert told.missing_trades == len(missing)
        if kind != "trades":
            assert answer.meta.quality.repaired == told.repaired_trades

    asyncio.run(law())


@pytest.mark.parametrize("save", [False, True])
async def test_a_gap_is_told_with_its_ids_its_count_and_its_reason(save):
    market = await Market().open()
    await market.append([trade(n, n * 1000) for n in (1, 2, 6, 7)])
    await market.tell(StatusKind.TRADE_GAP, 6_010, **GAP, missing=3)
    await market.tell(StatusKind.TRADES_UNREPAIRED, 9_000, **GAP, filled=0, reason="too old")
    if save:
        await market.save()
    answer = await coverage(market, 0, 8_000)

    assert pieces(answer) == [
        (0, 1_000, "unknown"),
        (1_000, 2_000, "complete"),
        (2_000, 6_001, "missing"),
        (6_001, 7_001, "complete"),
        (7_001, 8_000, "unknown"),
    ]
    hole = answer.data.intervals[2]
    assert (hole.low_id, hole.high_id, hole.trades, hole.reason) == (3, 5, 3, "too old")
    assert (hole.found_at, hole.settled_at) == (AT + 6_010, None)
    assert answer.data.intervals[0].reason == NOTHING_KNOWN
    assert (answer.data.missing_trades, answer.data.repaired_trades) == (3, 0)
    assert answer.data.shares.missing == 4_001 / 8_000
    quality = (await market.queries.volume_profile(ProfileQuestion(**asked(market, 0, 8_000)))).meta
    [gap] = quality.quality.gaps
    assert (gap.missing, gap.after_id, gap.before_id, gap.reason) == (3, 2, 6, "too old")


@pytest.mark.parametrize("save", [False, True])
async def test_a_repaired_gap_is_no_gap_any_more_but_is_counted(save):
    market = await Market().open()
    await market.append([trade(n, n * 1000) for n in (1, 2, 6, 7)])
    if save:
        await market.save()
    await market.append([trade(n, n * 1000) for n in (3, 4, 5)])
    await market.tell(StatusKind.TRADES_REPAIRED, 9_000, **GAP, filled=3)
    if save:
        await market.save()
    told = (await coverage(market, 1_000, 7_000)).data

    assert (told.missing_trades, told.repaired_trades) == (0, 3)
    assert told.shares.missing == 0
    assert {i.settled_at for i in told.intervals if i.state == "repaired"} == {AT + 9_000}
    given = asked(market, 1_000, 7_000)
    for answer in (
        await market.queries.volume_profile(ProfileQuestion(**given)),
        await market.queries.candles(CandlesQuestion(**given, timeframe="1s")),
    ):
        assert (answer.meta.quality.coverage, answer.meta.quality.gaps) == (1.0, [])
        assert answer.meta.quality.repaired == 3


async def test_a_page_of_trades_says_what_is_missing_on_it():
    market = await Market().open()
    await market.append([trade(n, n * 1000) for n in (1, 2, 6, 7)])
    await market.tell(StatusKind.TRADES_UNREPAIRED, 9_000, **GAP, filled=0, reason="too old")
    await market.save()
    page = await market.queries.trades(TradesQuestion(**asked(market, 0, 8_000), limit=3))

    [gap] = page.meta.quality.gaps
    assert (gap.missing, gap.after_id, gap.before_id, gap.reason) == (3, 2, 6, "too old")
    # The page ends with the trade of second 6, which is there; that of second 1 is the first known.
    assert page.meta.quality.coverage == 1_000 * 10**6 // 6_001 / 10**6


async def test_a_page_whose_trades_have_left_the_log_is_not_called_complete():
    market = await Market().open()
    for n in range(1, 6):
        await market.append([trade(n, n * 1000)])
    await market.save()
    assert await market.stores.log.trim(market.stream, upto=3, before=1 << 62) == 3
    page = await market.queries.trades(TradesQuestion(**asked(market, 1_000, 5_000), limit=9))

    assert [one.id for one in page.data] == [4]
    assert page.meta.quality.coverage == 0.25
    told = await coverage(market, 1_000, 5_000)
    assert told.meta.quality.coverage == 1.0


async def test_a_doubt_is_a_gap_of_unknown_size_on_any_venue():
    for instrument in (BTC, BYBIT):
        market = await Market(instrument).open()
        await market.append([trade(n, n * 1000, instrument=instrument) for n in range(1, 9)])
        await market.tell(
            StatusKind.TRADES_DOUBTED, 9_000, from_ms=3_000, to_ms=4_000, reason="direction"
        )
        answer = await market.queries.volume_profile(ProfileQuestion(**asked(market, 0, 8_000)))
        [gap] = answer.meta.quality.gaps
        assert (gap.start - AT, gap.end - AT) == (3_000, 4_001)
        assert (gap.missing, gap.reason) == (None, "direction")


async def test_where_ids_prove_nothing_the_reason_tells_of_the_connection():
    market = await Market(BYBIT).open()
    await market.append([trade(n, n * 1000, instrument=BYBIT) for n in range(9)])
    await market.tell(StatusKind.ALIVE, 0, trades=1)
    await market.tell(StatusKind.ALIVE, 5_000, trades=1)
    await market.tell(StatusKind.TRADES_LOST, 9_000, since_ms=4_000)
    gap = {"after_id": "t4", "before_id": "t8", "from_ms": 4_000, "to_ms": 8_000}
    await market.tell(StatusKind.TRADE_GAP, 9_100, **gap)
    answer = await market.queries.volume_profile(ProfileQuestion(**asked(market, 0, 8_000)))

    quality = answer.meta.quality
    assert quality.coverage is None
    assert "bybit-linear" in quality.reasons[0]
    assert "0.500000 of the time" in quality.reasons[1]
    assert [(g.start - AT, g.end - AT, g.missing) for g in quality.gaps] == [(4_000, 8_001, None)]
    assert pieces(await coverage(market, 0, 8_000)) == [
        (0, 4_000, "unbroken"),
        (4_000, 8_000, "unknown"),
    ]


async def test_a_book_has_a_coverage_of_its_own():
    market = await Market().open()
    await market.tell(StatusKind.BOOK_SYNCED, 1_000, update_id=4)
    await market.tell(StatusKind.ALIVE, 3_000, book="synced", trades=1)
    await market.tell(StatusKind.BOOK_LOST, 5_000, since_ms=4_000, reason="silent")
    await market.tell(StatusKind.BOOK_SYNCED, 6_000, update_id=9)
    await market.tell(StatusKind.ALIVE, 8_000, book="synced", trades=1)
    answer = await coverage(market, 0, 8_000, "book")

    assert pieces(answer) == [
        (0, 1_000, "unknown"),
        (1_000, 4_000, "complete"),
        (4_000, 6_000, "missing"),
        (6_000, 8_000, "complete"),
    ]
    assert answer.data.intervals[2].reason == "silent"
    assert answer.meta.quality.coverage == 5 / 8
    assert answer.data.missing_trades == 0
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    params = {"stream": "book", "start": ms(BASE), "end": ms(BASE + 8_000 * NS_PER_MS)}
    there = client.get("/v1/markets/binance-usdm/BTCUSDT/coverage", params=params)
    assert CoverageAnswer.model_validate_json(there.content) == answer


async def test_the_future_is_unknown_and_not_held_against_a_range():
    market = await Market(clock=FixedClock(BASE + 4_000 * NS_PER_MS)).open()
    await market.append([trade(n, n * 1000) for n in range(4)])
    answer = await coverage(market, 0, 8_000)

    assert pieces(answer) == [(0, 3_001, "complete"), (3_001, 8_000, "unknown")]
    assert answer.meta.quality.coverage == 3_001 / 4_000


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"stream": "depth"}, 400, "bad_request"),
        ({"start": "2024-01-01"}, 400, "bad_time"),
        ({"start": 0, "end": ms(BASE)}, 400, "limit_exceeded"),
        ({"streams": "trades"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_code(
    client: TestClient, params: dict[str, Any], status: int, code: str
) -> None:
    answer = client.get(f"{ROOT}/coverage", params=params)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 3), min_size=2, max_size=30),
    st.integers(-1, 4),
)
def test_missing_ids_are_exact_where_many_holes_share_a_millisecond(times, after):
    """Ids with match times in whole ms; time says nothing of which ids are there."""

    async def law() -> None:
        market = await Market().open()
        await market.append([trade(n, min(times.values())) for n in sorted(times)])
        answer = (await coverage(market, -10, 10)).data
        listed = [n for low, high in answer.missing_ids for n in range(low, high + 1)]
        assert listed == [n for n in range(min(times), max(times)) if n not in times]
        assert len(listed) == answer.missing_trades
        assert answer.missing_ids_left == 0
        behind = CoverageQuestion(**asked(market, -10, 10), ids_after=max(0, after))
        rest = (await market.queries.coverage(behind)).data.missing_ids
        kept = [n for low, high in rest for n in range(low, high + 1)]
        assert kept == [n for n in listed if n > max(0, after)]

    asyncio.run(law())


async def test_missing_ids_beyond_one_page_are_told_and_can_be_asked_for():
    market = await Market().open()
    for first in range(0, 1_500, 300):
        await market.append([trade(2 * n, 5) for n in range(first, first + 300)])
        # A ledger watches a thousand holes; those that were let go are rows like the others.
        await market.save()
    found: list[tuple[int, int]] = []
    left = 1
    while left:
        after = found[-1][1] if found else None
        question = CoverageQuestion(**asked(market, 0, 9), ids_after=after)
        page = (await market.queries.coverage(question)).data
        assert len(page.missing_ids) <= MOST_ID_RANGES
        found, left = found + page.missing_ids, page.missing_ids_left
    assert found == [(n, n) for n in range(1, 2_998, 2)]
