"""The MCP server: tools, resources and prompts over the same queries as REST, for agents.

An agent gets the same numbers as REST, a summary in words inside the structured answer, quality in
every answer, and refusals as the same problem objects. Nothing can be changed through it.
"""

import logging
from typing import Final

from fastmcp import FastMCP

from cloud_marketdata.api.errors import Problems
from cloud_marketdata.api.mcp.documents import add_documents
from cloud_marketdata.api.mcp.evidence import add_evidence
from cloud_marketdata.api.mcp.guard import NONE, Guards
from cloud_marketdata.api.mcp.prompts import add_prompts
from cloud_marketdata.api.mcp.refusals import ProblemMiddleware
from cloud_marketdata.api.mcp.registry import tools
from cloud_marketdata.api.queries import Queries

NAME: Final = "cloud-marketdata"
INSTRUCTIONS: Final = (
    "Exact market data of Binance and Bybit. Prices and sizes are decimal strings, in `quote_unit` "
    "and `unit`; times are epoch ms, ranges half-open, by default the last hour. "
    "Read meta.quality before trusting a number: it says how fresh and how complete the answer is. "
    "detail: summary (words and sums), rows (the most telling ones), full (all of them); left_out "
    "says what is not in an answer. Sides are the taker's. Read marketdata://docs/… for meanings."
)


def build_mcp(queries: Queries, version: str, guards: Guards = NONE) -> FastMCP:
    """Return the MCP server over these queries; `guards` let requests in and have them recorded."""
    # It would print a traceback for each refusal; our own log has whatever is not the asker's.
    logging.getLogger("fastmcp").setLevel(logging.CRITICAL)
    mcp: FastMCP = FastMCP(
        NAME,
        INSTRUCTIONS,
        version=version,
        mask_error_details=True,
        middleware=[
            *guards.outside,
            ProblemMiddleware(Problems("mcp", queries.clock)),
            *guards.inside,
        ],
    )
    for tool in tools(queries):
        mcp.add_tool(tool)
    add_evidence(mcp, queries)
    add_documents(mcp)
    add_prompts(mcp)
    return mcp
