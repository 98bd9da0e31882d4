"""get_order_flow."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from cloud_marketdata.api.flow.questions import OrderFlowQuestion
from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.order_flow import FlowDigestAnswer, flow_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import MOST_CANDLES
from cloud_marketdata.processing.metrics.cvd import Policy

Reset = Annotated[
    str,
    Field(
        json_schema_extra={"enum": [policy.value for policy in Policy]},
        description="when CVD begins anew",
    ),
]
Anchor = Annotated[given.Time, Field(description="of reset=anchor")]
RollingCvd = Annotated[int | None, Field(description="minutes, of reset=rolling")]


def order_flow_tool(queries: Queries) -> Callable[..., Awaitable[FlowDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_order_flow(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: given.VenueName,
        symbol: given.SymbolName,
        start: given.Start = None,
        end: given.End = None,
        timeframe: given.Frame = "5m",
        reset: Reset = Policy.SESSION.value,
        anchor: Anchor = None,
        rolling: RollingCvd = None,
        cursor: given.PageCursor = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> FlowDigestAnswer:
        """Delta (taker buys less sells) and CVD by bar.

        rows: [open time, close, volume, delta, cvd, marks of divergences and gaps].
        """
        question = OrderFlowQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            timeframe=timeframe,
            reset=reset,
            anchor=anchor,
            rolling=rolling,
            measures=False,
            limit=MOST_CANDLES,
            cursor=cursor,
        )
        return flow_digest(await queries.flow.order_flow(question), detail, max_rows)

    return get_order_flow
