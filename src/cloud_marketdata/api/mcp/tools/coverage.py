"""get_coverage."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.coverage import CoverageDigestAnswer, coverage_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import CoverageQuestion
from cloud_marketdata.domain.coverage import Covered

StreamName = Annotated[str, Field(json_schema_extra={"enum": [one.value for one in Covered]})]


def coverage_tool(queries: Queries) -> Callable[..., Awaitable[CoverageDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_coverage(
        venue: given.VenueName,
        symbol: given.SymbolName,
        stream: StreamName = Covered.TRADES.value,
        start: given.Start = None,
        end: given.End = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> CoverageDigestAnswer:
        """How complete the data of a range are proven to be, and where not.

        rows: [start, end, state, trades, low id, high id, reason], the worst stretches.
        """
        question = CoverageQuestion(venue=venue, symbol=symbol, stream=stream, start=start, end=end)
        return coverage_digest(await queries.coverage(question), detail, max_rows)

    return get_coverage
