"""REST for the verdicts on a market's minutes."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.reconciliation.answers import ReconciliationDesk
from cloud_marketdata.api.reconciliation.questions import (
    ReconciliationParams,
    ReconciliationQuestion,
)
from cloud_marketdata.api.reconciliation.schemas import ReconciliationAnswer
from cloud_marketdata.api.rest import SymbolName, VenueName
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute


def build_reconciliation(desk: ReconciliationDesk) -> APIRouter:
    """Return the route over these answers."""
    router = APIRouter(responses=problems(400, 404, 422, 500, 503), route_class=QuestionRoute)

    @router.get("/v1/markets/{venue}/{symbol}/reconciliation", response_model=ReconciliationAnswer)
    async def get_reconciliation(
        venue: VenueName, symbol: SymbolName, asked: Annotated[ReconciliationParams, Query()]
    ) -> Response:
        """Return what the venue's own klines said of the minutes in a range, by default an hour."""
        question = ReconciliationQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await desk.answer(question))

    return router
