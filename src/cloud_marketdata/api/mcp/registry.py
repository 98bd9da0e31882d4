"""Every tool by its title: a new one is one file and one line here.

All of them only read. Their schemas are shortened, see `compaction`; a hint that is not true of all
tools would have to stand beside the title.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from fastmcp.tools import FunctionTool
from mcp_types import ToolAnnotations

from cloud_marketdata.api.mcp.compaction import compact_input, compact_output
from cloud_marketdata.api.mcp.tools.anomalies import anomalies_tool
from cloud_marketdata.api.mcp.tools.candles import candles_tool
from cloud_marketdata.api.mcp.tools.coverage import coverage_tool
from cloud_marketdata.api.mcp.tools.depth import depth_tool
from cloud_marketdata.api.mcp.tools.markets import markets_tool
from cloud_marketdata.api.mcp.tools.order_flow import order_flow_tool
from cloud_marketdata.api.mcp.tools.profile import profile_tool
from cloud_marketdata.api.mcp.tools.trades import trades_tool
from cloud_marketdata.api.mcp.tools.venues import venues_tool
from cloud_marketdata.api.queries import Queries

Call = Callable[..., Awaitable[Any]]

READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, destructive_hint=False, open_world_hint=False
)

TOOLS: Final[dict[str, Callable[[Queries], Call]]] = {
    "Volume profile": profile_tool,
    "Order flow": order_flow_tool,
    "Market depth": depth_tool,
    "Live trades": trades_tool,
    "Markets": markets_tool,
    "Candles": candles_tool,
    "Anomalies": anomalies_tool,
    "Coverage": coverage_tool,
    "Several venues": venues_tool,
}


def tools(queries: Queries) -> Iterator[FunctionTool]:
    """Yield the tools over these queries."""
    for title, make in TOOLS.items():
        whole = FunctionTool.from_function(make(queries), title=title, annotations=READ_ONLY)
        assert whole.output_schema is not None, f"{title} does not say what it returns"
        yield whole.model_copy(
            update={
                "parameters": compact_input(whole.parameters),
                "output_schema": compact_output(whole.output_schema),
            }
        )
