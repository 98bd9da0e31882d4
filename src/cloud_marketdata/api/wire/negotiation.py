"""Which form of a table a request wants: by `?format=`, else by `Accept`, else JSON.

Among what is wanted equally JSON comes first, then CSV, Parquet and Arrow. What is not to be had is
refused before any work is done, and never answered in another form.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from cloud_marketdata.api.wire.formats import Format
from cloud_marketdata.api.wire.preferences import Preference, listed, preferences
from cloud_marketdata.core.errors import BadRequestError

FORMAT: Final = "format"
_ANY: Final = "*/*"
_THERE: Final = ", ".join(f"{form.value} ({form.media_type})" for form in Format)


class NotAcceptableError(BadRequestError):
    """The answer is not to be had in any of the wanted forms."""

    code: ClassVar[str] = "not_acceptable"
    status: ClassVar[int] = 406


def wanted_format(scope: Mapping[str, Any]) -> Format:
    """Return the form that an ASGI request wants; raises NotAcceptableError."""
    named = [value for key, value in _query(scope) if key == FORMAT]
    if named:
        return _named(named[-1])
    accept = listed(scope["headers"], b"accept")
    if not accept.strip() or accept == _ANY:
        return Format.JSON
    return _accepted(accept)


def without_format(scope: Mapping[str, Any]) -> bytes:
    """Return the query string without the parameter that names the form."""
    pieces = scope["query_string"].split(b"&")
    return b"&".join(piece for piece in pieces if piece.partition(b"=")[0] != FORMAT.encode())


def _query(scope: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    text = scope["query_string"]
    return (
        parse_qsl(text.decode("latin-1"), keep_blank_values=True) if FORMAT.encode() in text else ()
    )


def _named(name: str) -> Format:
    try:
        return Format(name)
    except ValueError:
        msg = f"there is no format {name[:40]!r}; there is {_THERE}"
        raise NotAcceptableError(msg) from None


def _accepted(accept: str) -> Format:
    ranges = preferences(accept)
    weights = {form: _weight(form.media_type, ranges) for form in Format}
    best = max(Format, key=lambda form: weights[form])
    if not weights[best]:
        msg = f"there is nothing in {accept[:80]!r} that this can be; there is {_THERE}"
        raise NotAcceptableError(msg)
    return best


def _weight(media_type: str, ranges: Iterable[Preference]) -> float:
    """Return the weight that the most specific matching range gives."""
    family = f"{media_type.partition('/')[0]}/*"
    given = dict(ranges)
    matching = (given[name] for name in (media_type, family, _ANY) if name in given)
    return next(matching, 0.0)
