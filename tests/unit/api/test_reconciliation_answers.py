"""What is said of minutes: the word in every answer's quality, and the list behind it."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tape import BASE, BTC, MINUTE, ROOT, FixedClock, Market, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion, TradesQuestion
from cloud_marketdata.api.reconciliation.questions import ReconciliationQuestion
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import LimitError, StorageError
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.ports import Stores
from guarded import Guarded

pytestmark = pytest.mark.anyio
EXACT, MISMATCH, PENDING, UNAVAILABLE = (
    Verdict.EXACT,
    Verdict.MISMATCH,
    Verdict.PENDING,
    Verdict.UNAVAILABLE,
)
TOLD = [EXACT, MISMATCH, UNAVAILABLE]
MINUTES = 10
AT = BASE // NS_PER_MS
MARKET = {"venue": BTC.venue.value, "symbol": BTC.symbol}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def record(minute: int, verdict: Verdict) -> Reconciled:
    theirs = {} if verdict is UNAVAILABLE else {"volume": "0.001"}
    return Reconciled(
        BTC.venue,
        BTC.symbol,
        BASE + minute * MINUTE,
        verdict,
        checked_at=BASE + 9 * MINUTE,
        fields=("volume",) if verdict is MISMATCH else (),
        ours={"volume": "0.002"},
        theirs=theirs,
        refetched={"volume": "0.001"} if verdict is MISMATCH else None,
        bar_revision=1,
        revision=2,
        note="told",
    )


async def filled(verdicts: dict[int, Verdict], now_minutes: float = 20) -> Market:
    """Return a market with a trade in each of ten minutes, and these verdicts."""
    market = await Market(clock=FixedClock(BASE + int(now_minutes * MINUTE))).open()
    await market.append([trade(at, at * 60_000) for at in range(MINUTES)])
    await market.save()
    await market.stores.reconciliations.save([record(at, one) for at, one in verdicts.items()])
    return market


def span(first: float, last: float) -> dict[str, object]:
    return MARKET | {"start": AT + int(first * 60_000), "end": AT + int(last * 60_000)}


async def word(market: Market, first: float, last: float) -> str:
    """Return what candles say of a range, which is what a profile says of it too."""
    candles = await market.queries.candles(CandlesQuestion(**span(first, last)))
    profile = await market.queries.volume_profile(ProfileQuestion(**span(first, last)))
    said = {candles.meta.quality.reconciled, profile.meta.quality.reconciled}
    assert len(said) == 1
    return said.pop()


VERDICTS = st.lists(st.sampled_from([*TOLD, None]), min_size=MINUTES, max_size=MINUTES)


@settings(max_examples=40, deadline=None)
@given(VERDICTS, st.integers(0, 9), st.integers(1, 10))
def test_the_worst_minute_of_a_range_is_its_word(drawn, first, length):
    async def law() -> None:
        market = await filled({at: one for at, one in enumerate(drawn) if one})
        inside = Counter(drawn[first : first + length])
        worst = next((v for v in (MISMATCH, UNAVAILABLE) if inside[v]), None)
        expected = worst or (PENDING if inside[None] else EXACT)
        assert await word(market, first, min(MINUTES, first + length)) == expected

    asyncio.run(law())


async def test_a_minute_that_is_touched_counts_and_its_neighbours_do_not():
    market = await filled(dict.fromkeys(range(10), EXACT) | {3: MISMATCH})
    assert await word(market, 3.5, 5) == "mismatch"
    assert await word(market, 2, 3.1) == "mismatch"
    assert await word(market, 0, 3) == "exact"
    assert await word(market, 4, 10) == "exact"


async def test_a_minute_that_is_open_says_nothing_and_alone_it_is_pending():
    # Two seconds of lateness: the sixth minute is over, but not for long enough.
    market = await filled(dict.fromkeys(range(5), EXACT), now_minutes=6.03)
    assert await word(market, 0, 6) == "exact"
    assert await word(market, 5, 6) == "pending"
    market.clock.time += 3 * 10**9
    assert await word(market, 0, 6) == "pending"


async def test_time_from_before_the_oldest_minute_does_not_count():
    market = await filled(dict.fromkeys(range(10), EXACT))
    assert await word(market, -30, 10) == "exact"
    assert await word(market, -30, -10) == "pending"


async def test_minutes_without_a_verdict_are_pending_and_so_are_verdicts_that_cannot_be_read():
    market = await filled({})
    assert await word(market, 0, 10) == "pending"
    market = await filled(dict.fromkeys(range(10), EXACT))

    class Away:
        """Verdicts that cannot be read now."""

        async def tally(self, *_: object) -> None:
            msg = "away"
            raise StorageError(msg)

    kept = {name: getattr(market.stores, name) for name in market.stores.__struct_fields__}
    broken = Market(clock=market.clock, stores=Stores(**kept | {"reconciliations": Away()}))
    assert await word(broken, 0, 10) == "pending"


async def test_raw_trades_are_pending_because_no_kline_tells_of_them():
    market = await filled(dict.fromkeys(range(10), EXACT))
    answer = await market.queries.trades(TradesQuestion(**span(0, 10)))
    assert answer.meta.quality.reconciled == "pending"


async def test_the_list_tells_both_sides_of_every_minute_that_was_compared():
    market = await filled({1: EXACT, 3: MISMATCH, 4: UNAVAILABLE})
    answer = await market.queries.reconciliation.answer(ReconciliationQuestion(**span(0, 10)))
    assert [(one.start, one.verdict) for one in answer.data] == [
        (AT + at * 60_000, one) for at, one in ((1, "exact"), (3, "mismatch"), (4, "unavailable"))
    ]
    wrong = answer.data[1]
    assert (wrong.ours, wrong.theirs) == ({"volume": "0.002"}, {"volume": "0.001"})
    assert (wrong.fields, wrong.refetched) == (["volume"], {"volume": "0.001"})
    assert (wrong.bar_revision, wrong.revision, wrong.note) == (1, 2, "told")
    assert wrong.end - wrong.start == 60_000
    assert wrong.checked_at == (BASE + 9 * MINUTE) // NS_PER_MS
    assert answer.meta.quality.reconciled == "mismatch"
    assert answer.meta.quality.coverage is not None
    assert answer.meta.method["open"] == "first trade"
    assert answer.meta.method["fields"].split(",")[-1] == "taker_buy_quote_volume"


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 9)), st.integers(1, 12), st.integers(0, 9), st.integers(1, 10))
def test_pages_together_are_the_whole_list_each_minute_once(kept, limit, first, length):
    async def law() -> None:
        market = await filled(dict.fromkeys(kept, EXACT))
        asked = span(first, first + length)
        found, cursor = [], None
        for _ in range(20):
            question = ReconciliationQuestion(**asked, limit=limit, cursor=cursor)
            page = await market.queries.reconciliation.answer(question)
            assert len(page.data) <= limit
            found += [(one.start - AT) // 60_000 for one in page.data]
            cursor = page.meta.next_cursor
            if cursor is None:
                break
        assert found == sorted(at for at in kept if first <= at < first + length)

    asyncio.run(law())


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_more_minutes_than_a_page_holds_are_refused(limit):
    market = await filled({})
    question = ReconciliationQuestion(**span(0, 1), limit=limit)
    with pytest.raises(LimitError):
        await market.queries.reconciliation.answer(question)


def test_rest_answers_in_the_envelope_and_refuses_in_the_common_words():
    market = asyncio.run(filled({1: MISMATCH}))
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    good = client.get(f"{ROOT}/reconciliation", params={"start": AT, "end": AT + 600_000})
    assert good.status_code == 200
    assert good.json()["data"][0]["verdict"] == "mismatch"
    wrong = client.get(f"{ROOT}/reconciliation", params={"strat": 1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    unknown = client.get("/v1/markets/binance-usdm/NOPE/reconciliation")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_market")
    foreign = client.get(f"{ROOT}/reconciliation", params={"cursor": "eA"})
    assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")
