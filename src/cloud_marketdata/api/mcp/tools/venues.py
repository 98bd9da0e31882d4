"""compare_venues."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from cloud_marketdata.api.composite.questions import (
    CompositeFlowQuestion,
    CompositeProfileQuestion,
    LeadLagQuestion,
)
from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.compared_flow import compared_flow
from cloud_marketdata.api.mcp.digests.compared_profile import compared_profile
from cloud_marketdata.api.mcp.digests.comparison import ComparisonAnswer, comparison
from cloud_marketdata.api.mcp.digests.lead_lag import compared_leads
from cloud_marketdata.api.queries import Queries

What = Literal["profile", "order_flow", "lead_lag"]
VenueNames = Annotated[str, Field(description="2 to 4 by comma; lead_lag: 2")]
_FRAME: Final = "5m"


def venues_tool(queries: Queries) -> Callable[..., Awaitable[ComparisonAnswer]]:
    """Return the tool over these queries."""
    desk = queries.composite

    async def compare_venues(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        what: What,
        symbol: given.SymbolName,
        venues: VenueNames,
        start: given.Start = None,
        end: given.End = None,
        row_ticks: given.RowTicks = None,
        timeframe: given.Frame = _FRAME,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> ComparisonAnswer:
        """One symbol over venues, with each one's share in by_venue and in rows (see columns).

        profile and order_flow sum exactly; lead_lag says who moves first, and the basis.
        """
        asked: dict[str, Any] = {"symbol": symbol, "venues": venues, "start": start, "end": end}
        if what == "profile":
            profile = CompositeProfileQuestion(**asked, row_ticks=row_ticks)
            table = compared_profile(await desk.volume_profile(profile))
        elif what == "order_flow":
            flow = CompositeFlowQuestion(**asked, timeframe=timeframe)
            table = compared_flow(await desk.order_flow(flow))
        else:
            table = compared_leads(await desk.lead_lag(LeadLagQuestion(**asked)))
        return comparison(table, detail, max_rows)

    return compare_venues
