"""Order flow over venues, and who leads whom; what cannot be answered is refused."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from starlette.testclient import TestClient
from tape import BASE, BTC, MINUTE, trade
from two_venues import BOTH, BYBIT, SPAN, Two, flow, minute, tape, told

from cloud_marketdata.api.composite.questions import (
    LeadLagQuestion,
    venues_of,
)
from cloud_marketdata.api.composite.routes import build_composite
from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.questions import CandlesQuestion
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from edged import edged


@pytest.fixture(scope="module")
def two() -> Two:
    return asyncio.run(Two().fill(tape(BTC, 1), tape(BYBIT, 2)))


@pytest.mark.parametrize("timeframe", ["1s", "1m", "5m"])
def test_bars_are_the_sums_of_the_venues_bars_and_cvd_is_the_running_sum_of_delta(two, timeframe):
    data = flow(two, timeframe=timeframe, reset="anchor", anchor=SPAN["start"]).data
    alone = {}
    for venue, market in (("binance-usdm", two.first), ("bybit-linear", two.second)):
        question = CandlesQuestion(
            venue=venue, symbol="BTCUSDT", timeframe=timeframe, limit=1000, **SPAN
        )
        bars = asyncio.run(market.queries.candles(question)).data
        alone[venue] = {bar.open_time: bar for bar in bars}
    running = Decimal(0)
    assert [bar.open_time for bar in data.bars] == sorted(set().union(*alone.values()))
    for bar in data.bars:
        volume = sum(Decimal(b[bar.open_time].volume) for b in alone.values() if bar.open_time in b)
        assert Decimal(bar.volume) == volume
        assert sum(Decimal(one.volume) for one in bar.by_venue.values()) == volume
        there = [b[bar.open_time] for b in alone.values() if bar.open_time in b]
        assert Decimal(bar.quote_volume) == sum(Decimal(one.quote_volume) for one in there)
        bought = sum(Decimal(one.taker_buy_quote_volume) for one in there)
        assert Decimal(bar.quote_delta) == 2 * bought - Decimal(bar.quote_volume)
        assert sum(Decimal(one.quote_delta) for one in bar.by_venue.values()) == Decimal(
            bar.quote_delta
        )
        assert sum(Decimal(one.delta) for one in bar.by_venue.values()) == Decimal(bar.delta)
        assert Decimal(bar.buy) - Decimal(bar.sell) == Decimal(bar.delta)
        running += Decimal(bar.delta)
        # The first bar of five minutes begins before the anchor's own bar does, or with it.
        assert Decimal(bar.cvd) == running
    assert Decimal(data.delta) == running


def test_cvd_counts_from_midnight_also_where_the_answer_begins_later(two):
    # The tape begins at 23:58; a day of its own begins in its third minute.
    whole = flow(two).data
    later = flow(two, start=(BASE + 4 * MINUTE) // NS_PER_MS).data
    assert {bar.open_time: bar.cvd for bar in later.bars}.items() <= {
        bar.open_time: bar.cvd for bar in whole.bars
    }.items()
    since = [bar.cvd_since for bar in whole.bars]
    assert since[-1] == (BASE + 2 * MINUTE) // NS_PER_MS
    assert whole.reset_at == since[-1]


def test_a_gap_of_one_venue_breaks_the_sum_of_all():
    async def made() -> Two:
        broken = [one for one in tape(BTC, 1) if not 130 <= one.sequence < 135]
        two = await Two().fill(broken, tape(BYBIT, 2))
        await two.first.tell(
            StatusKind.TRADE_GAP,
            90 * 1_700,
            after_id=129,
            before_id=135,
            missing=5,
            from_ms=129 * 1_700,
            to_ms=135 * 1_700,
        )
        await two.first.save(BASE + 3 * MINUTE)
        return two

    data = flow(asyncio.run(made())).data
    assert not data.continuous
    assert [bar.complete for bar in data.bars].count(False) == 1
    assert data.by_venue["binance-usdm"].gaps
    assert not data.by_venue["bybit-linear"].gaps
    assert data.bars[-1].segment > 0


def test_lead_and_lag_are_those_of_the_newest_minute_in_which_one_stands_out():
    two = asyncio.run(told([minute(0, 20), minute(1, 30), minute(2, 25), minute(3, None)]))
    question = LeadLagQuestion(venues=BOTH, symbol="BTCUSDT", **SPAN)
    answer = asyncio.run(two.queries.lead_lag(question))
    data = answer.data
    assert data.venues == ["binance-usdm", "bybit-linear"]
    assert (data.leader, data.lag_ms, data.median_lag_ms) == ("binance-usdm", 25, 25)
    assert data.at == (BASE + 2 * MINUTE) // NS_PER_MS
    assert len(data.minutes) == 4
    assert data.minutes[0].clock_offset_ms == {"binance-usdm": 12, "bybit-linear": 40}
    assert data.minutes[0].basis_last_bp == 1.75
    assert answer.meta.quality.as_of == "2024-08-09T00:02:00.000Z"


def test_a_pair_that_nobody_compares_is_told_and_not_guessed(two):
    question = LeadLagQuestion(venues=BOTH, symbol="BTCUSDT", **SPAN)
    answer = asyncio.run(two.queries.lead_lag(question))
    assert (answer.data.leader, answer.data.lag_ms, answer.data.minutes) == (None, None, [])
    assert "no minute of this pair" in answer.meta.quality.reasons[0]


def test_order_flow_imbalance_of_a_pair_is_summed_by_bar_and_told_by_venue():
    two = asyncio.run(told([minute(number, None) for number in range(4)]))
    bars = flow(two, timeframe="1m").data.bars
    assert [bar.ofi for bar in bars[:4]] == ["0.000", "0.005", "0.010", "0.015"]
    assert bars[2].by_venue["binance-usdm"].ofi == "0.014"
    assert bars[2].by_venue["bybit-linear"].ofi == "-0.004"
    assert (bars[4].ofi, bars[4].ofi_minutes) == (None, 0)
    five = flow(two, timeframe="5m").data.bars
    assert sum(bar.ofi_minutes for bar in five) == 4
    assert flow(two, timeframe="1s").data.bars[0].ofi is None


def test_a_bar_whose_minutes_lie_on_two_grids_has_no_imbalance():
    finer = replace(BTC, scale=Scale(Decimal("0.1"), Decimal("0.0001")))
    minutes = [minute(2, None), replace(minute(3, None), instrument=finer)]
    (_, bar) = flow(asyncio.run(told(minutes)), timeframe="5m").data.bars
    assert (bar.ofi, bar.ofi_minutes) == (None, 0)


@pytest.mark.parametrize(
    "text", ["", "binance-usdm", "binance-usdm,binance-usdm", "kraken,binance-usdm", "a,b"]
)
def test_less_than_two_known_venues_are_refused(text):
    with pytest.raises(BadRequestError):
        venues_of(text)


@pytest.fixture(scope="module")
def client(two) -> TestClient:
    app = FastAPI()
    install(app, Problems("rest", two.clock))
    app.include_router(build_composite(two.queries))
    return edged(app, two.clock)


def test_an_unknown_timeframe_is_refused_with_an_anchor_too(client):
    asked = {"venues": BOTH, "timeframe": "7m", "reset": "anchor", "anchor": SPAN["start"]}
    answer = client.get("/v1/composite/BTCUSDT/order-flow", params=asked | SPAN)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("what", ["volume-profile", "order-flow", "lead-lag"])
def test_every_answer_is_given_by_rest_with_quality_and_method(client, what):
    asked = {"venues": BOTH, **SPAN}
    answer = client.get(f"/v1/composite/BTCUSDT/{what}", params=asked)
    assert answer.status_code == 200, answer.text
    body = msgspec.json.decode(answer.content)
    assert body["meta"]["method"]
    assert body["meta"]["quality"]["sources"] == ["binance-usdm", "bybit-linear"]
    assert body["meta"]["range"]["start"] == SPAN["start"]


@pytest.mark.parametrize(
    ("what", "given", "status"),
    [
        ("volume-profile", {}, 422),
        ("volume-profile", {"venues": "binance-usdm"}, 400),
        ("volume-profile", {"venues": "binance-usdm,bybit-spot"}, 404),
        ("volume-profile", {"venues": BOTH, "session": "asia"}, 422),
        ("order-flow", {"venues": BOTH, "reset": "rolling"}, 400),
        ("order-flow", {"venues": BOTH, "reset": "anchor"}, 400),
        ("order-flow", {"venues": BOTH, "timeframe": "7m"}, 400),
        ("lead-lag", {"venues": BOTH, "start": 0}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(client, what, given, status):
    answer = client.get(f"/v1/composite/BTCUSDT/{what}", params=given)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_more_bars_than_one_answer_holds_are_refused():
    async def made() -> Two:
        ends = [trade(1, 0, instrument=BTC), trade(2, 1_100_000, instrument=BTC)]
        return await Two().fill(ends, tape(BYBIT, 2))

    with pytest.raises(LimitError, match="more than 1000 bars"):
        flow(asyncio.run(made()), timeframe="1s", end=(BASE + 20 * MINUTE) // NS_PER_MS)


def test_an_hour_is_asked_for_where_no_time_is_given(client):
    answer = client.get("/v1/composite/BTCUSDT/volume-profile", params={"venues": BOTH})
    span = answer.json()["meta"]["range"]
    assert span["end"] - span["start"] == 3600 * NS_PER_S // NS_PER_MS
