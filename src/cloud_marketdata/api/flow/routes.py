"""REST routes of order flow; they check nothing that the queries check."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.flow.queries import FlowQueries
from cloud_marketdata.api.flow.questions import (
    ActivityBarsParams,
    ActivityBarsQuestion,
    FootprintParams,
    FootprintQuestion,
    OrderFlowParams,
    OrderFlowQuestion,
)
from cloud_marketdata.api.flow.schemas import ActivityBarsAnswer, FootprintAnswer, OrderFlowAnswer
from cloud_marketdata.api.rest import SymbolName, VenueName
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute

_ROOT = "/v1/markets/{venue}/{symbol}"


def build_flow(queries: FlowQueries) -> APIRouter:
    """Return the routes over these queries."""
    router = APIRouter(responses=problems(400, 404, 410, 422, 500, 503), route_class=QuestionRoute)

    @router.get(f"{_ROOT}/order-flow", response_model=OrderFlowAnswer)
    async def get_order_flow(
        venue: VenueName, symbol: SymbolName, asked: Annotated[OrderFlowParams, Query()]
    ) -> Response:
        """Return delta, CVD and measures by bar, by default of the last hour."""
        question = OrderFlowQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.order_flow(question))

    @router.get(f"{_ROOT}/footprint", response_model=FootprintAnswer)
    async def get_footprint(
        venue: VenueName, symbol: SymbolName, asked: Annotated[FootprintParams, Query()]
    ) -> Response:
        """Return taker buys and sells by price row of each bar, by default of the last hour."""
        question = FootprintQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.footprint(question))

    @router.get(f"{_ROOT}/activity-bars", response_model=ActivityBarsAnswer)
    async def get_activity_bars(
        venue: VenueName, symbol: SymbolName, asked: Annotated[ActivityBarsParams, Query()]
    ) -> Response:
        """Return tick, volume or dollar bars, by default of the last hour."""
        question = ActivityBarsQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.activity_bars(question))

    return router
