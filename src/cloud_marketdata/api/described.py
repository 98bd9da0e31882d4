"""The application as FastAPI builds it, inside the edge, and the page that describes both.

The page says of every operation what the edge adds: how a key is shown, which scope is needed, and
how a request can be refused before its question is read.
"""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp, Lifespan, Scope

from cloud_marketdata.api.edge.directory import Directory
from cloud_marketdata.api.edge.needs import NEEDS, Need
from cloud_marketdata.api.errors import Problem, problems

_TITLE: Final = "Cloud MarketData"
_SCHEMAS: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer <key>"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_WATCHED: Final = frozenset({"/live", "/ready", "/health", "/metrics"})
_AT_THE_DOOR: Final = (400, 401, 403, 408, 413, 414, 415, 421, 429, 431, 503)


def _only_watches(scope: Scope) -> bool:
    """Whether a request asks how the process is; that is not traced."""
    return scope["path"] in _WATCHED


class Described(FastAPI):
    """An application inside an outermost layer of ours.

    edge: puts that layer around whatever it is given. FastAPI's own pages are off.
    asks_for_keys: whether nobody is answered without a key.
    """

    def __init__(
        self,
        edge: Callable[[ASGIApp], ASGIApp],
        *,
        asks_for_keys: bool,
        version: str,
        lifespan: Lifespan[FastAPI],
    ) -> None:
        super().__init__(
            title=_TITLE,
            version=version,
            lifespan=lifespan,
            redirect_slashes=False,
            docs_url=None,
            redoc_url=None,
            # Of its own it would send spans that nobody masked where the environment says so.
            telemetry={
                "auto_configure": False,
                "metrics": False,
                "logs": False,
                "exclude": _only_watches,
            },
        )
        self._edge = edge
        self._asks_for_keys = asks_for_keys
        self._needs = Directory(NEEDS)

    def build_middleware_stack(self) -> ASGIApp:
        """Return all layers: the edge lies outside those that answer failures, too."""
        return self._edge(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the page of the API."""
        page = super().openapi()
        _, shapes = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        page["components"]["schemas"].update(shapes["$defs"])
        page["components"]["securitySchemes"] = _SCHEMAS
        for path, calls in page["paths"].items():
            for method, call in calls.items():
                need = self._needs.find(method.upper(), path).need
                call["security"] = self._security(need)
                told = {str(status): text for status, text in problems(*_AT_THE_DOOR).items()}
                call["responses"] = told | call["responses"]
        return page

    def _security(self, need: Need) -> list[dict[str, list[str]]]:
        """Return the ways to be let in; the last one shows nothing."""
        roles = [] if need.scope is None else [need.scope.value]
        ways: list[dict[str, list[str]]] = [{name: roles} for name in _SCHEMAS]
        return ways if need.known and self._asks_for_keys else [*ways, {}]
