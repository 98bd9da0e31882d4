"""The simulator's own klines: what they are made of, how they are asked for, and told wrong."""

import asyncio
from decimal import Decimal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.klines import told
from cloud_marketdata.simulator.minutes import MINUTE_MS, Minutes
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation, prepare

TRADES = st.lists(
    st.tuples(
        st.integers(0, 5 * MINUTE_MS - 1),
        st.decimals("0.01", "9", places=2),
        st.decimals("0.001", "9", places=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
).map(lambda drawn: sorted(drawn, key=lambda one: one[0]))


def filled(trades, *, opens_at_close: bool) -> Minutes:
    made = Minutes(opens_at_close=opens_at_close)
    for time, price, size, buy in trades:
        made.add(str(price), str(size), time, 2, buy=buy)
    return made


@given(TRADES, st.booleans())
def test_a_minute_sums_its_trades_and_every_minute_since_the_first_is_told(trades, opens):
    bars = filled(trades, opens_at_close=opens).between(None, None, 100)
    starts = [time - time % MINUTE_MS for time, *_ in trades]
    assert [bar.start for bar in bars] == list(range(starts[0], starts[-1] + 1, MINUTE_MS))
    close = None
    for bar in bars:
        inside = [one for one in trades if bar.start <= one[0] < bar.start + MINUTE_MS]
        prices = [price for _, price, _, _ in inside]
        opened = close if close is not None and (opens or not prices) else prices[0]
        assert (bar.open, bar.close) == (opened, prices[-1] if prices else close)
        drawn = [*prices, opened] if opens or not prices else prices
        assert (bar.high, bar.low) == (max(drawn), min(drawn))
        assert bar.volume == sum((size for _, _, size, _ in inside), Decimal(0))
        bought = sum((price * size for _, price, size, buy in inside if buy), Decimal(0))
        assert (bar.taker_buy_quote_volume, bar.count) == (bought, 2 * len(inside))
        close = bar.close


@given(TRADES, st.integers(-1, 6), st.integers(-1, 6), st.integers(1, 4))
def test_a_span_is_told_from_its_start_on_with_both_ends_and_without_a_start_its_last(
    trades, first, last, limit
):
    minutes = filled(trades, opens_at_close=False)
    every = minutes.between(None, None, 100)
    inside = [bar for bar in every if first <= bar.start // MINUTE_MS <= last]
    span = (first * MINUTE_MS, last * MINUTE_MS)
    assert minutes.between(*span, limit) == inside[:limit]
    assert minutes.between(None, None, limit) == every[-limit:]


def _striking(text: str) -> Mischief:
    """Return a venue's mischief with these faults."""
    options = Simulation(venues=(Venue.BINANCE_SPOT,), faults=(text,))
    (act,) = prepare(options, SystemClock())
    return act.mischief


@given(TRADES, st.sampled_from(["open", "volume", "count", "taker_buy_quote_volume"]))
def test_one_field_of_the_chosen_minute_is_told_wrong_to_everybody_and_nothing_else(trades, field):
    minutes, mischief = (
        filled(trades, opens_at_close=False),
        _striking(f"falsify field={field} at=2"),
    )
    right = minutes.between(None, None, 100)
    for _ in range(2):
        shown = told(minutes, mischief, "BTCUSDT", (None, None), 100)
        wrong = [at for at, bar in enumerate(right) if shown[at] != bar]
        assert wrong == [1][: len(right) - 1]
        for at in wrong:
            assert getattr(shown[at], field) > getattr(right[at], field)
            assert replace(shown[at], **{field: getattr(right[at], field)}) == right[at]
    assert mischief.report()[0]["struck"] == len(wrong)


def test_a_kline_of_another_symbol_is_told_right():
    minutes = filled([(0, Decimal(2), Decimal(1), True)], opens_at_close=False)
    mischief = _striking("falsify field=close symbol=ETHUSDT")
    assert told(minutes, mischief, "BTCUSDT", (None, None), 9) == minutes.between(None, None, 9)


def test_a_skewed_venue_tells_and_understands_its_minutes_in_its_own_time():
    trades = [(at * MINUTE_MS, Decimal(2), Decimal(1), True) for at in range(3)]
    minutes, mischief = filled(trades, opens_at_close=False), _striking("skew ms=3600000")
    hour = 60 * MINUTE_MS
    shown = told(minutes, mischief, "BTCUSDT", (hour + MINUTE_MS, hour + 2 * MINUTE_MS), 9)
    assert [bar.start for bar in shown] == [hour + MINUTE_MS, hour + 2 * MINUTE_MS]


def _asked(*paths: str, faults: tuple[str, ...] = ()) -> list[httpx2.Response]:
    """Ask all simulated venues, each with a few minutes behind it."""

    async def ask() -> list[httpx2.Response]:
        given = Simulation(
            venues=tuple(Venue), speed=None, start_after_s=0.0, seed=3, faults=faults
        )
        url = "http://127.0.0.1"
        async with (
            simulate(given, SystemClock()) as port,
            httpx2.AsyncClient(base_url=f"{url}:{port}", trust_env=False) as http,
        ):
            return [await http.get(path) for path in paths]

    return asyncio.run(ask())


def test_questions_that_the_venues_refuse_are_refused_in_their_words():
    spot, usdm, limited, bybit, unread = _asked(
        "/api/v3/klines?symbol=BTCUSDT&interval=5m",
        "/fapi/v1/klines?symbol=NOPE&interval=1m",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1001",
        "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=5",
        "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1&start=x",
    )
    refused = [one.json()["code"] for one in (spot, usdm, limited)]
    assert refused == [-1120, -1121, -1130]
    assert [one.json()["retCode"] for one in (bybit, unread)] == [10001, 10001]


@pytest.mark.parametrize(("limit", "weight"), [(99, 1), (100, 2), (500, 5)])
def test_a_question_weighs_what_usdm_says(limit, weight):
    (answer,) = _asked(f"/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit={limit}")
    assert answer.json() == []
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
