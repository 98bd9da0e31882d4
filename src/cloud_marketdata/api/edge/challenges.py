"""The headers by which a refusal says what to do: show a key, wait, call otherwise."""

from starlette.exceptions import HTTPException

from cloud_marketdata.security.limits.telling import retry_after
from cloud_marketdata.security.refusals import KeyMissingError, ScopeMissingError

_REALM = 'Bearer realm="cloud-marketdata"'
_UNKNOWN = 401


def challenge(error: Exception) -> dict[str, str]:
    """Return the headers of a refusal or failure that go with its problem."""
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if (after := getattr(error, "retry_after_s", None)) is not None:
        return {"Retry-After": retry_after(after)}
    if isinstance(error, KeyMissingError):
        return {"WWW-Authenticate": _REALM}
    if isinstance(error, ScopeMissingError):
        return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'}
    if getattr(error, "status", None) == _UNKNOWN:
        return {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
    return {}
