"""Delta of a capture equals that of the venue's own klines, its extremes those of its trades."""

import asyncio
import csv
from decimal import Decimal

import pytest
from flows import ASKED, flow_of, flow_queries, path, tell
from tape import BTC, MINUTE, Market
from test_oracle import CAPTURE, KLINES, trades

from cloud_marketdata.api.flow.questions import FootprintQuestion
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.offline import analyse, records
from cloud_marketdata.processing.metrics.cluster_sizes import ClusterSizes
from cloud_marketdata.processing.metrics.delta_path import DeltaPath

FIRST = 1_723_161_300_000
ASK = {"start": FIRST, "end": FIRST + 5 * 60_000}


async def recorded(tape) -> Market:
    market = await Market().open()
    market.clock.time = (FIRST + 305_000) * NS_PER_MS
    for at in range(0, len(tape), 500):
        await market.append(tape[at : at + 500])
    await market.save((FIRST + 60_000) * NS_PER_MS)
    found = analyse(BTC, records(tape), [DeltaPath(), ClusterSizes()])
    await tell(market, found.minutes)
    return market


@pytest.mark.skipif(not CAPTURE.exists(), reason="the shared captures are not beside this checkout")
def test_order_flow_of_the_capture_is_that_of_the_venue_s_klines() -> None:
    """From klines alone delta is twice the taker's volume less the volume, and CVD its sum."""
    tape = trades()
    with KLINES.open() as lines:
        klines = {int(row[0]): row for row in csv.reader(lines) if row[0].isdigit()}

    async def law() -> None:
        market = await recorded(tape)
        data = await flow_of(market, reset="anchor", anchor=FIRST, **ASK)
        assert len(data.bars) == 5
        total = Decimal(0)
        for bar in data.bars:
            kline = klines[bar.open_time]
            delta = 2 * Decimal(kline[9]) - Decimal(kline[5])
            total += delta
            assert (Decimal(bar.delta), Decimal(bar.cvd or "")) == (delta, total)
            assert Decimal(bar.quote_delta) == 2 * Decimal(kline[10]) - Decimal(kline[7])
            assert bar.complete
            assert bar.segment == 0
        assert data.cvd.continuous is True

    asyncio.run(law())


@pytest.mark.skipif(not CAPTURE.exists(), reason="the shared captures are not beside this checkout")
def test_told_minutes_of_the_capture_have_the_extremes_of_their_trades() -> None:
    tape = trades()

    async def law() -> None:
        market = await recorded(tape)
        data = await flow_of(market, **ASK)
        for bar in data.bars:
            start = bar.open_time * NS_PER_MS
            inside = [one for one in tape if start <= one.exchange_time < start + MINUTE]
            _, least, most = path(inside)
            assert bar.path_reason is None
            assert Decimal(bar.min_delta or "") * 1000 == least
            assert Decimal(bar.max_delta or "") * 1000 == most
            assert set(bar.measures or {}) == {"cluster_sizes"}
        (whole,) = (await flow_of(market, timeframe="5m", **ASK)).bars
        assert whole.clusters == sum(bar.clusters or 0 for bar in data.bars)

    asyncio.run(law())


@pytest.mark.skipif(not CAPTURE.exists(), reason="the shared captures are not beside this checkout")
def test_the_footprint_of_the_capture_has_between_ten_and_forty_rows_a_bar() -> None:
    async def law() -> None:
        market = await recorded(trades())
        answer = await flow_queries(market).footprint(FootprintQuestion(**ASKED | ASK))
        counts = sorted(len(bar.rows) for bar in answer.data.bars)
        assert 10 <= counts[2] <= 40

    asyncio.run(law())
