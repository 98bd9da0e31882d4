"""Takes secrets out of what is to be written, and makes every text short and harmless to look at.

What a secret looks like is known to core.masking; here it is said what becomes of an event. What
cannot be printed is written as an escape: no text begins a new line, and none moves the cursor of
who reads the log in a terminal.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.core.masking import HIDDEN, is_secret_name, masked
from cloud_marketdata.security.audit.event import AuditEvent

LONGEST: Final = 256
MOST_PARAMS: Final = 20
_READ: Final = 4096
"""Characters of a text that are looked at; what is behind them is cut off unread."""
_KEPT: Final = 512
_HARMLESS: Final = 8
"""No secret is as short, nor has any form in which it could be told in fewer characters."""
_NAME: Final = re.compile(r"[a-z]{0,8}-?[0-9a-f]{0,16}-?[0-9]{0,12}|[0-9A-Za-z]{8}", re.ASCII)
"""What requests and keys are numbered by here, each time anew: not worth a second look."""
_ALSO: Final = frozenset({"key", "keys", "cookie", "credentials", "passphrase"})
"""Parameters that are secrets by their whole name, beside those that masking knows by its end."""


def redacted(event: AuditEvent) -> AuditEvent:
    """Return the event as it may be written."""
    return replace(
        event,
        action=scrubbed(event.action),
        code=scrubbed(event.code),
        key_id=_named(event.key_id),
        owner=scrubbed(event.owner),
        address=scrubbed(event.address),
        agent=scrubbed(event.agent),
        resource=scrubbed(event.resource),
        params=_params(event.params) if event.params else event.params,
        request_id=_named(event.request_id),
    )


def scrubbed(text: str) -> str:
    """Return a text without what looks like a secret, printable, of at most LONGEST characters."""
    if len(text) < _HARMLESS and text.isalnum():
        return text
    return _kept(text) if len(text) <= _KEPT else _scrub(text)


def _named(text: str) -> str:
    return text if _NAME.fullmatch(text) else scrubbed(text)


def _params(given: Mapping[str, str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in given.items():
        if len(told) == MOST_PARAMS:
            told["…"] = f"{len(given) - MOST_PARAMS} more"
            break
        told[scrubbed(name)] = HIDDEN if _is_secret(name[:LONGEST]) else scrubbed(value)
    return told


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    # Whatever would be masked behind this name in a text is a secret as its parameter too.
    text = f"{name}=something"
    return is_secret_name(name) or name.lower() in _ALSO or masked(text) != text


def _scrub(text: str) -> str:
    clean = masked(text[:_READ])
    if not clean.isprintable():
        clean = "".join(map(_shown, clean))
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


# The same agents and paths come again and again; what is kept is bounded in number and length.
_kept = lru_cache(4096)(_scrub)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
