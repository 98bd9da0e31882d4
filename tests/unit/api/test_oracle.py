"""Binance's own klines come out of the API when its own trades went in."""

import asyncio
import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tape import BTC, Market

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Side

SHARED = Path(__file__).parents[4] / "shared"
CAPTURE = SHARED / "data" / "usdm_btcusdt_20240808.gz"
KLINES = SHARED / "oracles" / "klines_usdm_BTCUSDT_1m.csv"
FIELDS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)


def trades() -> list[TradeEvent]:
    found = []
    with gzip.open(CAPTURE, "rb") as lines:
        for line in lines:
            message: Any = msgspec.json.decode(line.split(b" ", 1)[1])
            data = message.get("data", {})
            if data.get("e") == "trade":
                time = data["T"] * NS_PER_MS
                price, size = int(Decimal(data["p"]) * 10), int(Decimal(data["q"]) * 1000)
                side = Side.SELL if data["m"] else Side.BUY
                found.append(TradeEvent(BTC, data["t"], price, size, side, time, time, data["t"]))
    return found


@pytest.mark.skipif(not CAPTURE.exists(), reason="the shared captures are not beside this checkout")
def test_bars_of_the_capture_equal_the_venue_s_klines() -> None:
    with KLINES.open() as lines:
        rows = list(csv.reader(lines))
    klines = {int(row[0]): row for row in rows if row[0].isdigit()}
    wanted = [klines[1_723_161_300_000 + minute * 60_000] for minute in range(5)]

    async def law() -> None:
        market = await Market().open()
        market.clock.time = (1_723_161_600_000 + 5_000) * NS_PER_MS
        tape = trades()
        for at in range(0, len(tape), 500):
            await market.append(tape[at : at + 500])
            if at == 12_000:
                await market.save(1_723_161_360_000 * NS_PER_MS)
        asked = {
            "venue": BTC.venue,
            "symbol": BTC.symbol,
            "start": 1_723_161_300_000,
            "end": 1_723_161_600_000,
        }
        answer = await market.queries.candles(CandlesQuestion(**asked))
        assert len(answer.data) == len(wanted) == 5
        for candle, kline in zip(answer.data, wanted, strict=True):
            assert candle.open_time == int(kline[0])
            ours = [Decimal(getattr(candle, name)) for name in FIELDS]
            theirs = [Decimal(kline[at]) for at in (1, 2, 3, 4, 5, 7, 9, 10)]
            assert ours == theirs
            assert candle.count == int(kline[8])
        profile = (await market.queries.volume_profile(ProfileQuestion(**asked))).data
        assert Decimal(profile.volume) == sum(Decimal(kline[5]) for kline in wanted)
        assert Decimal(profile.buy) == sum(Decimal(kline[9]) for kline in wanted)
        assert answer.meta.quality.gaps == []
        # The last trade of the capture came at 23:59:59.643; the rest of the day is unproven.
        assert answer.meta.quality.coverage == (300_000 - 356) * 10**6 // 300_000 / 10**6

    asyncio.run(law())
