"""The one event that the audit log gets of a request: who asked for what, and how it ended."""

import re
from typing import Final
from urllib.parse import parse_qsl

from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.security.audit.event import AuditEvent, Outcome

PARAMS: Final = 32
_CUT: Final = 256
_ESCAPED: Final = re.compile("[%+]")
GONE: Final = 499
"""The status of what nobody waited for, as proxies write it; it is never sent."""
_REFUSED, _FAILED = 400, 500


def told(visit: Visit, status: int, size: int, seconds: float) -> AuditEvent:
    """Return the event; status 0 means that nothing was answered."""
    identity = visit.identity
    return AuditEvent(
        action=visit.action,
        surface=visit.surface,
        outcome=visit.outcome or _outcome(status),
        code=visit.code,
        status=status or GONE,
        key_id=identity.key_id,
        owner=identity.owner,
        address=visit.address,
        agent=visit.agent,
        resource=visit.resource,
        params=visit.params,
        latency_us=int(seconds * 1_000_000),
        bytes=size,
        request_id=visit.request_id,
    )


def params_of(query: bytes) -> dict[str, str]:
    """Return what was asked with, as far as it is short; the log itself takes secrets out."""
    if not query:
        return {}
    text = query.decode("latin-1")
    if len(text) <= _CUT and not _ESCAPED.search(text):
        pairs = (pair.partition("=") for pair in text.split("&"))
        return {name: value for name, _, value in pairs if name}
    try:
        given = parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMS)
    except ValueError:
        return {"…": text[:_CUT]}
    return {name[:_CUT]: value[:_CUT] for name, value in given}


def _outcome(status: int) -> Outcome:
    if not status or status >= _FAILED:
        return "failed"
    return "refused" if status >= _REFUSED else "ok"
