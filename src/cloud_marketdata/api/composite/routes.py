"""REST routes over several venues; they check nothing that the queries check."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cloud_marketdata.api.composite.queries import CompositeQueries
from cloud_marketdata.api.composite.questions import (
    CompositeFlowParams,
    CompositeFlowQuestion,
    CompositeProfileParams,
    CompositeProfileQuestion,
    LeadLagParams,
    LeadLagQuestion,
)
from cloud_marketdata.api.composite.schemas import (
    CompositeFlowAnswer,
    CompositeProfileAnswer,
    LeadLagAnswer,
)
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.rest import SymbolName
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute

_ROOT = "/v1/composite/{symbol}"


def build_composite(queries: CompositeQueries) -> APIRouter:
    """Return the routes over these queries."""
    router = APIRouter(responses=problems(400, 404, 410, 422, 500, 503), route_class=QuestionRoute)

    @router.get(f"{_ROOT}/volume-profile", response_model=CompositeProfileAnswer)
    async def get_composite_profile(
        symbol: SymbolName, asked: Annotated[CompositeProfileParams, Query()]
    ) -> Response:
        """Return the volume by price over several venues, by default of the last hour."""
        question = CompositeProfileQuestion(symbol=symbol, **dict(asked))
        return Reply(await queries.volume_profile(question))

    @router.get(f"{_ROOT}/order-flow", response_model=CompositeFlowAnswer)
    async def get_composite_flow(
        symbol: SymbolName, asked: Annotated[CompositeFlowParams, Query()]
    ) -> Response:
        """Return delta and CVD by bar over several venues, by default of the last hour."""
        question = CompositeFlowQuestion(symbol=symbol, **dict(asked))
        return Reply(await queries.order_flow(question))

    @router.get(f"{_ROOT}/lead-lag", response_model=LeadLagAnswer)
    async def get_lead_lag(
        symbol: SymbolName, asked: Annotated[LeadLagParams, Query()]
    ) -> Response:
        """Return which of two like venues moves first, by default in the last hour."""
        question = LeadLagQuestion(symbol=symbol, **dict(asked))
        return Reply(await queries.lead_lag(question))

    return router
