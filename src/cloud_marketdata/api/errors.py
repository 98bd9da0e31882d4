"""Problems as RFC 9457 tells them: one table for REST and MCP, with a stable `code` each.

Who asks wrongly is told exactly what; a fault of the service tells nothing of its inside, only a
`request_id` under which the log has the whole story.
"""

from http import HTTPStatus
from itertools import count
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.api.away import TierAwayError
from cloud_marketdata.api.edge.challenges import challenge
from cloud_marketdata.api.edge.visit import Visit, visit_of
from cloud_marketdata.api.wire.caching import NEVER
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.security.limits.counted import OverQuotaError
from cloud_marketdata.security.refusals import QuotaExceededError

MEDIA_TYPE: Final = "application/problem+json"
INVALID: Final = "invalid_request"
_INTERNAL: Final = "internal"
_HIDDEN: Final = {
    _INTERNAL: "something went wrong here; the log has it under this request_id",
    "storage_unavailable": "a store is away; try again in a moment",
    "venue_unavailable": "a venue is away; try again in a moment",
    "venue_busy": "a venue's own limits are reached; try again in a minute",
    "bad_settings": "the service is not set up rightly; the log says how",
}
HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
_log = structlog.get_logger(__name__)


class Fault(BaseModel):
    """One wrong parameter."""

    parameter: str
    message: str


class Problem(BaseModel):
    """What went wrong, for people (`detail`) and for programs (`code`)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[Fault] | None = None
    retry_after_s: float | None = None
    """In how many seconds the same would pass, where that is known."""


class Problems:
    """Makes problems, each with the number of its request or a new one.

    surface: where they leave, e.g. rest.
    """

    def __init__(self, surface: str, clock: Clock) -> None:
        self._run = f"{surface}-{clock.now():x}"
        self._numbers = count(1)

    def number(self) -> str:
        """Return a number that no other request has."""
        return f"{self._run}-{next(self._numbers)}"

    def of(self, error: Exception, request_id: str | None = None) -> Problem:
        """Describe an exception; one that is not the asker's is logged and described in general."""
        if isinstance(error, MarketDataError):
            code, status, detail = error.code, error.status, str(error)
        else:
            code, status, detail = _INTERNAL, 500, ""
        shown = detail if isinstance(error, TierAwayError) else _HIDDEN.get(code, detail)
        problem = self.make(code, status, shown, request_id=request_id)
        if isinstance(error, QuotaExceededError):
            problem.retry_after_s = error.retry_after_s
        if code in _HIDDEN:
            # While a store is away every question fails alike; traces of them would say no more.
            unforeseen = None if isinstance(error, MarketDataError) else error
            told = {"code": code, "error": str(error), "exc_info": unforeseen}
            _log.error("request failed", request_id=problem.request_id, **told)
        return problem

    def make(
        self,
        code: str,
        status: int,
        detail: str,
        errors: list[Fault] | None = None,
        *,
        request_id: str | None = None,
    ) -> Problem:
        """Make a problem, with a request id of its own where the request has none."""
        return Problem(
            type=f"urn:cloud-marketdata:problem:{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            code=code,
            detail=detail,
            request_id=request_id or self.number(),
            errors=errors,
        )

    def invalid(self, faults: list[Fault], request_id: str | None = None) -> Problem:
        """Describe parameters that could not be read."""
        detail = "; ".join(f"{fault.parameter}: {fault.message}" for fault in faults)
        return self.make(INVALID, 422, detail, faults, request_id=request_id)


def faults_of(errors: list[dict[str, object]]) -> list[Fault]:
    """Read pydantic's list of errors, without the inputs, which may be anything."""
    found = []
    for error in errors:
        place = error.get("loc", ())
        parts = place if isinstance(place, tuple | list) else (place,)
        name = ".".join(str(part) for part in parts if part not in {"query", "path", "body"})
        found.append(Fault(parameter=name or "request", message=str(error.get("msg", "invalid"))))
    return found


def as_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Encode a problem for HTTP."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        problem.status,
        {**(headers or {}), "Cache-Control": NEVER, "X-Request-ID": problem.request_id},
        MEDIA_TYPE,
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe, for the OpenAPI page, which statuses come with a problem."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def install(app: FastAPI, made_by: Problems) -> None:
    """Answer every failure of an app with a problem."""

    async def on_error(request: Request, error: Exception) -> Response:
        return refusal(made_by, error, visit_of(request.scope))

    for kind in (MarketDataError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, on_error)


def refusal(made_by: Problems, error: Exception, visit: Visit) -> Response:
    """Answer an exception with a problem, whose code the visit then knows."""
    problem = _problem(made_by, error, visit.request_id)
    visit.code = problem.code
    if isinstance(error, OverQuotaError):
        visit.counted = (*visit.counted, error.counted)
    return as_response(problem, challenge(error))


def _problem(made_by: Problems, error: Exception, request_id: str) -> Problem:
    if isinstance(error, RequestValidationError):
        return made_by.invalid(faults_of(list(error.errors())), request_id)
    if isinstance(error, HTTPException):
        code = HTTP_CODES.get(error.status_code, "http_error")
        return made_by.make(code, error.status_code, str(error.detail), request_id=request_id)
    return made_by.of(error, request_id)
