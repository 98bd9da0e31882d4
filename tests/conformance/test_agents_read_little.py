"""What an agent pays for real markets: every default answer, and all that tools say of themselves.

Tokens are counted as four bytes. Two captures of one evening are asked about, futures and spot.
"""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from jsonschema import validate
from logged import logged

from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import BookSnapshot, TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stores

ERAS = ("auto", "legacy")
MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
BOTH = {"symbol": "BTCUSDT", "venues": "binance-usdm,binance-spot"}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_volume_profile", MARKET),
    ("get_volume_profile", MARKET | {"session": "utc_day"}),
    ("get_order_flow", MARKET),
    ("get_order_flow", MARKET | {"timeframe": "1s"}),
    ("get_market_depth", MARKET),
    ("stream_trades", MARKET | {"duration_s": 0}),
    ("get_markets", {}),
    ("get_candles", MARKET),
    ("get_candles", MARKET | {"timeframe": "1s"}),
    ("get_anomalies", MARKET),
    ("get_coverage", MARKET),
    ("compare_venues", BOTH | {"what": "profile"}),
    ("compare_venues", BOTH | {"what": "order_flow", "timeframe": "1m"}),
    ("compare_venues", BOTH | {"what": "lead_lag"}),
)


class _Clock:
    def __init__(self, time: int) -> None:
        self.time = time

    def now(self) -> int:
        """Tell the end of the captures."""
        return self.time

    def monotonic(self) -> float:
        """Tell seconds."""
        return self.time / 1e9

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.time += int(seconds * 1e9)


async def _queries(data: Path) -> Queries:
    batches = [*logged(data, "usdm-0808"), *logged(data, "spot-0808")]
    trades = [one for batch in batches for one in batch.events if isinstance(one, TradeEvent)]
    clock = _Clock(max(trade.received_at for trade in trades) + NS_PER_MS)
    stores = memory_stores(clock)
    await stores.instruments.save(list({trade.instrument for trade in trades}))
    await stores.log.append(batches)
    await _publish(stores, batches, clock.now())
    return Queries(stores, clock, Settings())


@cache
def _standing(data: Path) -> Queries:
    return asyncio.run(_queries(data))


async def _publish(stores: Stores, batches: list[Batch], now: int) -> None:
    """Publish the last whole book of each market, as if it had just been heard."""
    books = [one for batch in batches for one in batch.events if isinstance(one, BookSnapshot)]
    assert books, "the captures hold whole books"
    for book in books:
        view = BookView(
            book.instrument,
            BookState.SYNCED,
            book.update_id,
            now,
            now,
            book.bids[:200],
            book.asks[:200],
            vouched_at=now,
        )
        await stores.books.publish([view])


@pytest.mark.parametrize("era", ERAS)
def test_default_answers_stay_under_600_tokens_and_all_schemas_under_4000(data, era):
    async def law() -> None:
        async with Client(build_mcp(_standing(data), "1"), mode=era) as client:
            listed = await client.list_tools_mcp()
            said = listed.model_dump_json(by_alias=True, exclude_none=True)
            assert len(said.encode()) / 4 < 4000
            schemas = {tool.name: tool.output_schema for tool in listed.tools}
            assert {tool for tool, _ in CALLS} == schemas.keys()
            # Either era asks every other question; the unit tests ask all of them in both.
            for tool, arguments in CALLS[ERAS.index(era) :: len(ERAS)]:
                result = await client.call_tool(tool, arguments)
                validate(result.structured_content, schemas[tool])
                assert len(result.content[0].text.encode()) / 4 < 600, (tool, arguments)
                told = result.structured_content["data"]
                if told["rows_returned"] < told["rows_total"]:
                    assert told["left_out"], tool

    _standing(data)
    asyncio.run(law())
