"""Problems as RFC 9457 tells them: one table for REST and MCP, with a stable `code` each.

Who asks wrongly is told exactly what; a fault of the service tells nothing of its inside, only a
`request_id` under which the log has the whole story.
"""

from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.api.away import TierAwayError
from cloud_marketdata.api.wire.caching import NEVER
from cloud_marketdata.api.wire.numbering import REQUEST_ID
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import MarketDataError

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
HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
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
        told = detail if isinstance(error, TierAwayError) else _HIDDEN.get(code, detail)
        problem = self.make(code, status, told, request_id=request_id)
        if code in _HIDDEN:
            _log.error("request failed", request_id=problem.request_id, exc_info=error)
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


class Described(FastAPI):
    """An application on whose page problems have their one media type, and their shape."""

    def openapi(self) -> dict[str, Any]:
        """Return the page of the API."""
        page = super().openapi()
        _, shapes = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        page["components"]["schemas"].update(shapes["$defs"])
        return page


def install(app: FastAPI, made_by: Problems) -> None:
    """Answer every failure of an app with a problem."""

    def on_error(request: Request, error: Exception) -> Response:
        return as_response(made_by.of(error, request.scope.get(REQUEST_ID)))

    def on_http(request: Request, error: Exception) -> Response:
        return _http(made_by, error, request.scope.get(REQUEST_ID))

    def on_invalid(request: Request, error: Exception) -> Response:
        listed = error.errors() if isinstance(error, RequestValidationError) else []
        faults = faults_of(list(listed))
        return as_response(made_by.invalid(faults, request.scope.get(REQUEST_ID)))

    handlers: dict[type[Exception], Callable[[Request, Exception], Response]] = {
        MarketDataError: on_error,
        RequestValidationError: on_invalid,
        HTTPException: on_http,
        Exception: on_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _http(made_by: Problems, error: Exception, request_id: str | None) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(type(error).__name__)
    code = HTTP_CODES.get(error.status_code, "http_error")
    problem = made_by.make(code, error.status_code, str(error.detail), request_id=request_id)
    return as_response(problem, dict(error.headers or {}))
