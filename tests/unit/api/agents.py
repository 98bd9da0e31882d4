"""What the tests of MCP share: two small markets that agents ask about, and ways to ask."""

import asyncio
import json
from functools import cache
from typing import Any, Literal

from fastmcp import Client, FastMCP
from fastmcp.client.client import CallToolResult
from fastmcp.exceptions import ToolError
from starlette.testclient import TestClient
from tape import BASE, BTC, BYBIT, MINUTE, FixedClock, Market, ms, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Subject,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_MS, Side
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.ports import BookState, BookView
from guarded import Guarded

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
RANGE = {"start": ms(BASE), "end": ms(BASE + 10 * MINUTE)}
BOTH = {"symbol": "BTCUSDT", "venues": "binance-usdm,bybit-linear"}
SUBJECT = Subject.market(BTC.venue, BTC.symbol)
SWEEP = signal_id(SignalKind.SWEEP, SUBJECT, BASE + 50_000 * NS_PER_MS, 100)

# Every tool, some of them in several ways.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_volume_profile", MARKET | RANGE),
    ("get_volume_profile", MARKET | {"rolling": 10}),
    ("get_order_flow", MARKET | RANGE | {"timeframe": "1m"}),
    ("get_market_depth", MARKET),
    ("stream_trades", MARKET | {"duration_s": 0}),
    ("get_markets", {}),
    ("get_candles", MARKET | RANGE | {"timeframe": "15s"}),
    ("get_anomalies", MARKET | RANGE),
    ("get_coverage", MARKET | RANGE),
    ("compare_venues", BOTH | RANGE | {"what": "profile"}),
    ("compare_venues", BOTH | RANGE | {"what": "order_flow", "timeframe": "1m"}),
    ("compare_venues", BOTH | RANGE | {"what": "lead_lag"}),
)


async def filled(clock: FixedClock | None = None) -> Market:
    """Return a market of a thousand trades, with a book, a sweep, a live feed, and a twin."""
    market = await Market(clock=clock).open()
    tape = [
        trade(
            at,
            at * 500,
            price=617_000 + at * 31 % 977,
            size=1_000 + at * at % 54_321,
            side=list(Side)[at % 2],
        )
        for at in range(1000)
    ]
    await market.append(tape)
    await market.save(BASE + 2 * MINUTE)
    await market.stores.books.publish([_book()])
    await market.stores.flow.save(
        SUBJECT, FlowChanges(b"", [FlowMinute(BTC, BASE, {})], [_sweep()])
    )
    await market.tell(StatusKind.ALIVE, 600_000, trades=1)
    twin = await Market(BYBIT, market.clock, market.stores).open()
    await twin.append(
        [
            trade(one.sequence, at * 500 + 3, one.price + 1, one.size, one.side, BYBIT)
            for at, one in enumerate(tape)
        ]
    )
    await twin.save(BASE + 2 * MINUTE)
    return market


@cache
def standing() -> Market:
    """Return one filled market for all tests that change nothing."""
    return asyncio.run(filled())


@cache
def server() -> FastMCP:
    """Return the server over the standing market."""
    return build_mcp(standing().queries, "1.2.3")


@cache
def rest_client() -> TestClient:
    """Return a client of REST over the standing market."""
    market = standing()
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


def rest(path: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return what REST answers."""
    answer: dict[str, Any] = rest_client().get(path, params=params).json()
    return answer


async def ask(
    mcp: FastMCP, tool: str, arguments: dict[str, Any], era: Era = "auto"
) -> CallToolResult:
    """Return the result of a call."""
    async with Client(mcp, mode=era) as client:
        return await client.call_tool(tool, arguments)


def called(tool: str, arguments: dict[str, Any], era: Era = "auto") -> CallToolResult:
    """Return the result of a call on the standing market."""
    return asyncio.run(ask(server(), tool, arguments, era))


def answered(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an answer."""
    data: dict[str, Any] = called(tool, arguments).structured_content["data"]
    return data


def refusal(tool: str, arguments: dict[str, Any], era: Era = "auto") -> dict[str, Any]:
    """Return the problem by which a call is refused."""
    try:
        called(tool, arguments, era)
    except ToolError as error:
        problem: dict[str, Any] = json.loads(str(error))
        return problem
    msg = f"{tool} was not refused"
    raise AssertionError(msg)


def _book() -> BookView:
    return BookView(
        BTC,
        BookState.SYNCED,
        5,
        BASE,
        BASE + 10 * MINUTE - NS_PER_MS,
        tuple((617_000 - at, 12_345 + at) for at in range(200)),
        tuple((617_001 + at, 54_321 + at) for at in range(200)),
    )


def _sweep() -> Signal:
    start = BASE + 50_000 * NS_PER_MS
    return Signal(
        id=SWEEP,
        kind=SignalKind.SWEEP,
        instrument=BTC,
        start=start,
        detected=start + 4_000 * NS_PER_MS,
        end=start + 4_000 * NS_PER_MS,
        state=SignalState.RESOLVED,
        severity=Severity.WARN,
        statistic=4.5,
        threshold=4.0,
        baseline=1.0,
        detector="sweep",
        version=2,
        evidence=Evidence(101, 107, 7),
        side=Side.BUY,
        low=617_000,
        high=617_100,
        size=12_345,
    )
