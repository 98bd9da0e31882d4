"""The route of a question: it refuses a form that is not to be had before any work is done.

`?format=` is taken out of the query before the question is read from it, since it says how to
answer and not what. The page of the API describes all of that from the declared answer alone.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.api.wire.descriptions import FORMAT_PARAMETER, with_forms
from cloud_marketdata.api.wire.negotiation import wanted_format, without_format
from cloud_marketdata.api.wire.tables import TABLES

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class QuestionRoute(APIRoute):
    """A route whose answer is a Reply, in any form where it is a table."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401  handed on
        tabular = given.get("response_model") in TABLES
        given["responses"] = with_forms(given.get("responses"), tabular=tabular)
        if tabular:
            given["openapi_extra"] = {"parameters": [dict(FORMAT_PARAMETER)]}
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> _Handler:
        """Return what answers a request of this route."""
        answer = super().get_route_handler()
        if self.response_model not in TABLES:
            return answer

        async def handle(request: Request) -> Response:
            wanted_format(request.scope)
            scope = {**request.scope, "query_string": without_format(request.scope)}
            return await answer(Request(scope, request.receive))

        return handle
