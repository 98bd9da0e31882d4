"""How the page of the API tells what the wire adds to a route: forms, headers, 304 and 406."""

from collections.abc import Mapping
from typing import Any, Final

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.wire.formats import Format
from cloud_marketdata.api.wire.negotiation import FORMAT

Responses = dict[int | str, dict[str, Any]]

FORMAT_PARAMETER: Final[Mapping[str, Any]] = {
    "name": FORMAT,
    "in": "query",
    "required": False,
    "description": "Form of the answer, instead of Accept; default json",
    "schema": {"type": "string", "enum": [form.value for form in Format]},
}
_TEXT: Final = {"type": "string"}
_HEADERS: Final[Mapping[str, Any]] = {
    "ETag": {"description": "Weak; ages count for nothing in it", "required": True},
    "Cache-Control": {"description": "Immutable where nothing can change", "required": True},
    "X-Quality": {"description": "meta.quality in short: a dictionary of RFC 9651"},
    "Link": {"description": 'rel="next": the page behind this one'},
    "X-Request-ID": {"description": "Under this the log knows the request", "required": True},
}
_TABLE: Final[Mapping[str, Any]] = {
    Format.CSV.media_type: {"schema": _TEXT},
    Format.PARQUET.media_type: {"schema": {"type": "string", "format": "binary"}},
    Format.ARROW.media_type: {"schema": {"type": "string", "format": "binary"}},
}


def with_forms(responses: Mapping[int | str, Any] | None, *, tabular: bool) -> Responses:
    """Return a route's responses and those that the wire adds."""
    added: Responses = {200: {"headers": _headers("ETag", "Cache-Control", "X-Request-ID")}}
    if tabular:
        added = {200: {"headers": _headers(*_HEADERS), "content": dict(_TABLE)}}
        added |= problems(406)
    added[304] = {
        "description": "The asker has it already: If-None-Match names its ETag",
        "headers": _headers(*(_HEADERS if tabular else ("ETag", "Cache-Control"))),
    }
    return {**added, **(responses or {})}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {**_HEADERS[name], "schema": _TEXT} for name in names}
