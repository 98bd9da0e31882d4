"""REST for anomalies; nothing is checked here that the desk checks."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.rest import SymbolName, VenueName
from cloud_marketdata.api.signals.queries import SignalDesk
from cloud_marketdata.api.signals.questions import (
    AnomaliesParams,
    AnomaliesQuestion,
    PairAnomaliesParams,
    PairAnomaliesQuestion,
)
from cloud_marketdata.api.signals.schemas import AnomaliesAnswer
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute


def build_signals(desk: SignalDesk) -> APIRouter:
    """Return the routes over these answers."""
    router = APIRouter(responses=problems(400, 404, 422, 500, 503), route_class=QuestionRoute)

    @router.get("/v1/markets/{venue}/{symbol}/anomalies", response_model=AnomaliesAnswer)
    async def get_anomalies(
        venue: VenueName, symbol: SymbolName, asked: Annotated[AnomaliesParams, Query()]
    ) -> Response:
        """Return what detectors told of a market, by default within the last hour."""
        question = AnomaliesQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await desk.market(question))

    @router.get("/v1/pairs/{symbol}/anomalies", response_model=AnomaliesAnswer)
    async def get_pair_anomalies(
        symbol: SymbolName, asked: Annotated[PairAnomaliesParams, Query()]
    ) -> Response:
        """Return what was told between two venues, by default within the last hour."""
        return Reply(await desk.pair(PairAnomaliesQuestion(symbol=symbol, **dict(asked))))

    return router
