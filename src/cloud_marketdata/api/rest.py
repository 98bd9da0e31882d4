"""REST: the questions read from a URL, the answers encoded once.

A handler turns path and query into a question and the answer into bytes; it checks nothing that
`queries` checks. The declared response models make the OpenAPI page, they are not applied twice.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from cloud_marketdata.api.coverages import CoverageAnswer
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import (
    CandlesParams,
    CandlesQuestion,
    CoverageParams,
    CoverageQuestion,
    DepthParams,
    DepthQuestion,
    ProfileParams,
    ProfileQuestion,
    TradesParams,
    TradesQuestion,
)
from cloud_marketdata.api.schemas import (
    CandlesAnswer,
    DepthAnswer,
    MarketsAnswer,
    ProfileAnswer,
    RejectionsAnswer,
    TradesAnswer,
)
from cloud_marketdata.api.wire.caching import NEVER
from cloud_marketdata.api.wire.replies import Reply
from cloud_marketdata.api.wire.routes import QuestionRoute
from cloud_marketdata.domain.values import Venue

VenueName = Annotated[
    str,
    Path(
        json_schema_extra={"enum": [venue.value for venue in Venue]},
        examples=[Venue.BINANCE_USDM.value],
    ),
]
SymbolName = Annotated[
    str, Path(description="Upper case, as the venue writes it", examples=["BTCUSDT"])
]


def build_router(queries: Queries) -> APIRouter:
    """Return the routes over these queries."""
    router = APIRouter(responses=problems(400, 404, 410, 422, 500, 503), route_class=QuestionRoute)
    _add_service_routes(router, queries)
    _add_tape_routes(router, queries)
    _add_book_routes(router, queries)
    _add_coverage_routes(router, queries)
    return router


def _add_service_routes(router: APIRouter, queries: Queries) -> None:
    @router.get("/v1/markets", response_model=MarketsAnswer)
    async def get_markets() -> Response:
        """List the markets that are collected."""
        return Reply(await queries.markets())

    @router.get("/v1/rejections", response_model=RejectionsAnswer)
    async def get_rejections() -> Response:
        """Tell what input was refused, by reason, with the newest samples."""
        return Reply(await queries.rejections())


def _add_tape_routes(router: APIRouter, queries: Queries) -> None:
    @router.get("/v1/markets/{venue}/{symbol}/volume-profile", response_model=ProfileAnswer)
    async def get_volume_profile(
        venue: VenueName, symbol: SymbolName, asked: Annotated[ProfileParams, Query()]
    ) -> Response:
        """Return the volume by price of a range, by default of the last hour."""
        question = ProfileQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.volume_profile(question))

    @router.get("/v1/markets/{venue}/{symbol}/trades", response_model=TradesAnswer)
    async def get_trades(
        venue: VenueName, symbol: SymbolName, asked: Annotated[TradesParams, Query()]
    ) -> Response:
        """Return raw trades from `start` on, or the newest ones without a start."""
        question = TradesQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.trades(question))

    @router.get("/v1/markets/{venue}/{symbol}/candles", response_model=CandlesAnswer)
    async def get_candles(
        venue: VenueName, symbol: SymbolName, asked: Annotated[CandlesParams, Query()]
    ) -> Response:
        """Return the bars whose time overlaps a range, by default the last hour."""
        question = CandlesQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.candles(question))


def _add_book_routes(router: APIRouter, queries: Queries) -> None:
    path = "/v1/markets/{venue}/{symbol}/depth"

    @router.get(path, response_model=DepthAnswer, responses=problems(409))
    async def get_depth(
        venue: VenueName, symbol: SymbolName, asked: Annotated[DepthParams, Query()]
    ) -> Response:
        """Return the top of the live book; 409 while it is not in sync."""
        question = DepthQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.depth(question))


def _add_coverage_routes(router: APIRouter, queries: Queries) -> None:
    @router.get("/v1/markets/{venue}/{symbol}/coverage", response_model=CoverageAnswer)
    async def get_coverage(
        venue: VenueName, symbol: SymbolName, asked: Annotated[CoverageParams, Query()]
    ) -> Response:
        """Return what is proven complete, repaired, missing or unknown, by default in an hour."""
        question = CoverageQuestion(venue=venue, symbol=symbol, **dict(asked))
        return Reply(await queries.coverage(question))


def encoded(answer: BaseModel, status: int = 200) -> Response:
    """Return what is told of the service itself: as JSON, and never to be kept."""
    kept = {"Cache-Control": NEVER}
    return Response(answer.model_dump_json(), status, kept, media_type="application/json")
