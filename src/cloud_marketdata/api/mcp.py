"""MCP: four tools over the same queries, for agents.

An agent gets the same numbers as REST, a summary in words inside the structured answer, quality in
every answer, and refusals as the same problem objects. Nothing can be changed through it.
"""

from typing import Annotated, Final

from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError, ToolError, ValidationError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import CallToolRequestParams, ToolAnnotations
from pydantic import Field
from pydantic import ValidationError as PydanticError

from cloud_marketdata.api.digests import (
    DepthDigestAnswer,
    Detail,
    ProfileDigestAnswer,
    depth_digest,
    profile_digest,
)
from cloud_marketdata.api.errors import Problem, Problems, faults_of
from cloud_marketdata.api.flow.digests import FlowDigestAnswer, flow_digest
from cloud_marketdata.api.flow.questions import BarFrame, OrderFlowQuestion, ResetName
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import (
    DepthQuestion,
    End,
    ProfileQuestion,
    RowTicks,
    Start,
    ValueAreaMethod,
    ValueAreaShare,
)
from cloud_marketdata.api.signals.questions import AnomaliesQuestion, Kinds, Severities
from cloud_marketdata.api.signals.schemas import AnomaliesAnswer
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT

NAME: Final = "cloud-marketdata"
INSTRUCTIONS: Final = (
    "Exact market data of Binance and Bybit. Prices and sizes are decimal strings, times epoch ms. "
    "Read meta.quality before trusting a number: it says how fresh and how complete the answer is."
)
VenueName = Annotated[
    str, Field(json_schema_extra={"enum": [venue.value for venue in Venue]}, description="Market")
]
SymbolName = Annotated[str, Field(description="As the venue writes it, e.g. BTCUSDT")]
DetailName = Annotated[Detail, Field(description="How much: summary, telling rows, or full")]
MaxRows = Annotated[int, Field(ge=1, le=1000, description="Most rows with detail=rows")]


class ProblemMiddleware(Middleware):
    """Turns every refusal and failure of a tool into the problem that REST would answer."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Call the tool and translate what it raises."""
        try:
            return await call_next(context)
        except Exception as error:
            raise ToolError(self._of(error).model_dump_json(exclude_none=True)) from error

    def _of(self, error: Exception) -> Problem:
        cause = error.__cause__ if isinstance(error, ToolError | ValidationError) else error
        if isinstance(cause, PydanticError):
            return self._problems.invalid(faults_of([dict(found) for found in cause.errors()]))
        if isinstance(error, NotFoundError):
            return self._problems.make("unknown_tool", 404, "there is no such tool; list them")
        return self._problems.of(cause if isinstance(cause, MarketDataError) else error)


def build_mcp(queries: Queries, version: str) -> FastMCP:
    """Return the MCP server over these queries."""
    mcp: FastMCP = FastMCP(
        NAME,
        INSTRUCTIONS,
        version=version,
        mask_error_details=True,
        middleware=[ProblemMiddleware(Problems("mcp", queries.clock))],
    )
    _add_profile_tool(mcp, queries)
    _add_depth_tool(mcp, queries)
    _add_flow_tool(mcp, queries)
    _add_anomalies_tool(mcp, queries)
    return mcp


def _add_profile_tool(mcp: FastMCP, queries: Queries) -> None:
    @mcp.tool(annotations=_read_only("Volume profile"))
    async def get_volume_profile(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: VenueName,
        symbol: SymbolName,
        start: Start = None,
        end: End = None,
        row_ticks: RowTicks = None,
        va_method: ValueAreaMethod = DEFAULT_METHOD,
        va_pct: ValueAreaShare = DEFAULT_PCT,
        detail: DetailName = "rows",
        max_rows: MaxRows = 20,
    ) -> ProfileDigestAnswer:
        """Volume by price of a range (default the last hour): point of control, value area, rows.

        Sizes are in `unit` (base asset), prices in `quote_unit`.
        """
        question = ProfileQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            row_ticks=row_ticks,
            va_method=va_method,
            va_pct=va_pct,
        )
        return profile_digest(await queries.volume_profile(question), detail, max_rows)


def _add_depth_tool(mcp: FastMCP, queries: Queries) -> None:
    @mcp.tool(annotations=_read_only("Market depth"))
    async def get_market_depth(
        venue: VenueName,
        symbol: SymbolName,
        levels: Annotated[int, Field(description="Levels a side that are summed")] = 50,
        detail: DetailName = "rows",
        max_rows: MaxRows = 10,
    ) -> DepthDigestAnswer:
        """Live order book: best quotes, spread, resting sizes; refused while it is out of sync.

        Sizes are in `unit` (base asset), prices in `quote_unit`.
        """
        question = DepthQuestion(venue=venue, symbol=symbol, levels=levels)
        return depth_digest(await queries.depth(question), detail, max_rows)


def _add_flow_tool(mcp: FastMCP, queries: Queries) -> None:
    @mcp.tool(annotations=_read_only("Order flow"))
    async def get_order_flow(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: VenueName,
        symbol: SymbolName,
        start: Start = None,
        end: End = None,
        timeframe: BarFrame = "5m",
        reset: ResetName = "session",
        detail: DetailName = "rows",
        max_rows: MaxRows = 10,
    ) -> FlowDigestAnswer:
        """Delta and CVD by bar (default the last hour): sums in words, and the telling bars.

        Delta is what takers bought less what they sold. Sizes in `unit`, prices in `quote_unit`.
        """
        question = OrderFlowQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            timeframe=timeframe,
            reset=reset,
            measures=False,
        )
        return flow_digest(await queries.flow.order_flow(question), detail, max_rows)


def _add_anomalies_tool(mcp: FastMCP, queries: Queries) -> None:
    @mcp.tool(annotations=_read_only("Anomalies"))
    async def get_anomalies(
        venue: VenueName,
        symbol: SymbolName,
        start: Start = None,
        end: End = None,
        kinds: Kinds = None,
        severity: Severities = "warn,critical",
        limit: Annotated[int, Field(ge=1, le=100)] = 10,
    ) -> AnomaliesAnswer:
        """What detectors found on the tape of a market (default the last hour), by detection time.

        Read data.watch first: outside of since..until nobody looked, and detectors in `warming` are
        silent. Prices are in `quote_unit`, sizes in `unit`. An open one is told again when it ends.
        """
        question = AnomaliesQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            kinds=kinds,
            severity=severity,
            limit=limit,
        )
        return await queries.signals.market(question)


def _read_only(title: str) -> ToolAnnotations:
    return ToolAnnotations(
        title=title,
        read_only_hint=True,
        idempotent_hint=True,
        destructive_hint=False,
        open_world_hint=False,
    )
