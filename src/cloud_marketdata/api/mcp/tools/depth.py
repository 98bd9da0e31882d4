"""get_market_depth."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.depth import DepthDigestAnswer, depth_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import DepthQuestion


def depth_tool(queries: Queries) -> Callable[..., Awaitable[DepthDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_market_depth(
        venue: given.VenueName,
        symbol: given.SymbolName,
        levels: Annotated[int, Field(description="a side, summed")] = 50,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> DepthDigestAnswer:
        """Live order book: best quotes, spread, resting sizes, levels [price, size].

        Refused (not_ready) while it is out of sync.
        """
        question = DepthQuestion(venue=venue, symbol=symbol, levels=levels)
        return depth_digest(await queries.depth(question), detail, max_rows)

    return get_market_depth
