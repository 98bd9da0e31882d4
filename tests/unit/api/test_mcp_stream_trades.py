"""stream_trades as an agent calls it: sums, filters, progress, cursors, refusals."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from agents import ERAS, Era
from fastmcp import Client
from fastmcp.exceptions import ToolError
from followed import Place, tape

from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.domain.values import Side


async def _told(place: Place, era: Era, **asked: object) -> dict[str, Any]:
    given_ = {"venue": "binance-usdm", "symbol": "BTCUSDT", "detail": "full"} | asked
    async with Client(build_mcp(place.market.queries, "1"), mode=era) as client:
        result = await client.call_tool("stream_trades", given_)
    return result.structured_content["data"]


@pytest.mark.parametrize("era", ERAS)
def test_sums_are_of_every_trade_and_rows_of_those_that_pass_the_filter(era: Era) -> None:
    async def law() -> None:
        place = await Place().open()
        trades = tape(list(range(40)))
        await place.market.append(trades)
        data = await _told(place, era, side="buy", min_notional="300", max_trades=1000)
        inside = [one for one in trades if one.in_bars]
        buy = sum(one.size for one in inside if one.side is Side.BUY)
        lots = sum(one.size for one in inside)
        assert data["count"] == len(inside)
        assert data["off_book"] == len(trades) - len(inside) == 1
        assert Decimal(data["buy"]) == Decimal(buy) / 1000
        assert Decimal(data["delta"]) == Decimal(2 * buy - lots) / 1000
        quote = sum(Decimal(one.price * one.size) for one in inside) / 10_000
        assert abs(Decimal(data["vwap"]) - quote / (Decimal(lots) / 1000)) < Decimal("1e-8")
        assert data["rows"]
        for row in data["rows"]:
            assert row[1] == "buy"
            assert Decimal(row[5]) >= 300
        assert sum(row[6] for row in data["rows"]) < len(inside)
        assert any("filter" in words for words in data["left_out"])
        assert data["missing"] == 0

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_is_told_of_progress_and_goes_on_with_the_cursor(era: Era) -> None:
    async def law() -> None:
        place = await Place().open()
        told: list[tuple[float, float | None, str | None]] = []

        async def progress(now: float, total: float | None, message: str | None) -> None:
            told.append((now, total, message))

        asked = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
        async with Client(build_mcp(place.market.queries, "1"), mode=era) as client:
            await place.market.append(tape([1, 2, 3]))
            first = await client.call_tool("stream_trades", asked, progress_handler=progress)
            await place.market.append(tape([4, 5]))
            asked["cursor"] = first.structured_content["data"]["next_cursor"]
            second = await client.call_tool("stream_trades", asked | {"max_trades": 2})
        steps = [now for now, _, _ in told]
        assert len(steps) > 3
        assert steps == sorted(set(steps))
        assert {total for _, total, _ in told} == {3}
        assert first.structured_content["data"]["complete"] == "timeout"
        assert first.structured_content["data"]["count"] == 3
        data = second.structured_content["data"]
        assert (data["complete"], data["count"], data["missing"]) == ("full", 2, 0)

    asyncio.run(law())


def test_a_cursor_of_another_market_is_refused_as_a_problem() -> None:
    async def law() -> None:
        place = await Place().open()
        with pytest.raises(ToolError) as caught:
            await _told(place, "auto", cursor="abc")
        assert json.loads(str(caught.value))["code"] == "bad_cursor"
        for wrong in ({"min_notional": "-5"}, {"duration_s": 26}, {"max_trades": 0}):
            with pytest.raises(ToolError) as caught:
                await _told(place, "auto", **wrong)
            assert json.loads(str(caught.value))["code"] == "invalid_request"

    asyncio.run(law())
