"""Every route and every tool has a cost, and a tool costs what its question costs."""

import asyncio
import json
from contextlib import redirect_stdout
from io import StringIO

from cloud_marketdata.api.edge.needs import NEEDS
from cloud_marketdata.api.mcp.registry import TOOLS as REGISTERED
from cloud_marketdata.api.mcp.registry import tools
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.cli.look import openapi
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.limits.costs import (
    EXPORTED,
    ROUTES,
    TOOLS,
    cost_of_route,
    cost_of_tool,
)
from cloud_marketdata.storage.memory import memory_stores

MARKET = "/v1/markets/{venue}/{symbol}"
ASKS = {
    "get_volume_profile": f"{MARKET}/volume-profile",
    "get_order_flow": f"{MARKET}/order-flow",
    "get_market_depth": f"{MARKET}/depth",
    "stream_trades": f"{MARKET}/trades",
    "get_markets": "/v1/markets",
    "get_candles": f"{MARKET}/candles",
    "get_anomalies": f"{MARKET}/anomalies",
    "get_coverage": f"{MARKET}/coverage",
    "compare_venues": "/v1/composite/{symbol}/volume-profile",
}


def test_every_route_has_a_cost_and_no_cost_is_left_of_a_route_that_went():
    with redirect_stdout(StringIO()) as page:
        openapi()
    described = set(json.loads(page.getvalue())["paths"])
    guarded = {route.split()[1] for routes in NEEDS.values() for route in routes}

    assert described - set(ROUTES) == set()
    assert guarded == set(ROUTES)


def test_every_tool_has_a_cost_which_is_that_of_its_question():
    clock = SystemClock()

    async def names() -> set[str]:
        made = tools(Queries(memory_stores(clock), clock, Settings()))
        return {tool.name for tool in made}

    assert asyncio.run(names()) == set(TOOLS) == set(ASKS)
    assert len(REGISTERED) == len(TOOLS)
    for tool, route in ASKS.items():
        assert cost_of_tool(tool) == cost_of_route(route), tool


def test_a_table_of_columns_costs_as_an_export_and_never_less_than_its_page():
    for route, cost in ROUTES.items():
        assert cost_of_route(route, exported=True) == max(cost, EXPORTED)


def test_what_nobody_knows_costs_one():
    assert cost_of_route("/no/such/route") == cost_of_tool("no_such_tool") == 1
