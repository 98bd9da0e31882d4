"""get_markets."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.markets import MarketsDigestAnswer, markets_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.domain.values import Venue

AnyVenue = Annotated[
    str | None, Field(json_schema_extra={"enum": [venue.value for venue in Venue]})
]


def markets_tool(queries: Queries) -> Callable[..., Awaitable[MarketsDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_markets(
        venue: AnyVenue = None,
        symbol: str | None = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> MarketsDigestAnswer:
        """Markets that are collected; ask this first.

        rows: [venue, symbol, tick, lot, since, last trade, book], last traded first.
        """
        return markets_digest(await queries.markets(), (venue, symbol), detail, max_rows)

    return get_markets
