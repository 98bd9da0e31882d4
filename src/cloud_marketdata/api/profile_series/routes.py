"""REST routes of profiles in the course of time; they check nothing that the queries check."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.profile_series.queries import ProfileSeriesQueries
from cloud_marketdata.api.profile_series.questions import (
    DevelopingParams,
    DevelopingQuestion,
    NakedParams,
    NakedQuestion,
)
from cloud_marketdata.api.profile_series.schemas import DevelopingAnswer, NakedAnswer
from cloud_marketdata.api.rest import SymbolName, VenueName
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute

_ROOT = "/v1/markets/{venue}/{symbol}/volume-profile"


def build_profile_series(queries: ProfileSeriesQueries) -> APIRouter:
    """Return the routes over these queries."""
    router = APIRouter(responses=problems(400, 404, 410, 422, 500, 503), route_class=QuestionRoute)

    @router.get(f"{_ROOT}/developing", response_model=DevelopingAnswer)
    async def get_developing_profile(
        venue: VenueName, symbol: SymbolName, asked: Annotated[DevelopingParams, Query()]
    ) -> Response:
        """Return how point of control and value area moved, by default in the last hour."""
        question = DevelopingQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.developing(question))

    @router.get(f"{_ROOT}/naked", response_model=NakedAnswer)
    async def get_naked_controls(
        venue: VenueName, symbol: SymbolName, asked: Annotated[NakedParams, Query()]
    ) -> Response:
        """Return closed sessions' points of control, and whether price came back to them."""
        question = NakedQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.naked(question))

    return router
