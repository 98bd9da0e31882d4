"""The headers that every answer carries, of whichever surface.

What a browser may do with it, which limits it counted against, and that a key is to be replaced.
They go into a new list each time. Libraries share one list of headers among all their answers, so
whoever adds to the list he was given would add to everybody's.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from cloud_marketdata.api.edge.origins import opened
from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.identity import Identity
from cloud_marketdata.security.limits.telling import limits_left, policies

Headers = list[tuple[bytes, bytes]]
_NS: Final = 1_000_000_000
_DAY: Final = 86_400 * _NS
_ID: Final = b"x-request-id"
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # No answer is a page: whatever a browser takes for one may load and run nothing.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_TLS_ALWAYS: Final = (b"strict-transport-security", b"max-age=31536000")


class Dress:
    """Dresses the headers of answers."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        over_tls = settings.tls_certificate is not None
        self._always = (*_ALWAYS, _TLS_ALWAYS) if over_tls else _ALWAYS
        self._pages = bool(settings.allowed_origins)
        self._notice = (settings.key_days - settings.key_rotate_days) * _DAY
        self._clock = clock

    def of(self, given: Iterable[tuple[bytes, bytes]], visit: Visit) -> Headers:
        """Return the headers of an answer: those that it was given, and ours."""
        headers = [*given, *self._always]
        names = {name for name, _ in headers}
        if _ID not in names:
            headers.append((_ID, visit.request_id.encode()))
        if visit.origin:
            headers += opened(visit.origin)
        if self._pages and b"vary" not in names:
            headers.append((b"vary", b"Origin"))
        if visit.counted:
            headers.append((b"ratelimit-policy", policies(visit.counted).encode()))
            headers.append((b"ratelimit", limits_left(visit.counted).encode()))
        if visit.identity.retires_at:
            headers += self._age(visit.identity)
        return headers

    def _age(self, identity: Identity) -> Headers:
        """Tell a key that a successor is due, and until when it is taken (RFC 9745, RFC 8594)."""
        if self._clock.now() < identity.retires_at - self._notice:
            return []
        end = datetime.fromtimestamp(identity.ends_at // _NS, UTC)
        return [
            (b"deprecation", f"@{identity.retires_at // _NS}".encode()),
            (b"sunset", format_datetime(end, usegmt=True).encode()),
            (b"x-api-key-expires", end.isoformat().replace("+00:00", "Z").encode()),
        ]
