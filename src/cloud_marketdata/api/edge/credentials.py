"""What a request shows as its key: in one header, once, and never in its address.

Whatever stands where a key belongs is an attempt: an empty header, another scheme, two headers.
It is handed on as a text that no key is, so it is refused, counted and fined as any wrong key.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.core.masking import KEY_PREFIX
from cloud_marketdata.security.refusals import KeyInQueryError

_FORM: Final = re.compile(KEY_PREFIX.encode() + rb"[0-9A-Za-z]{8}_[0-9A-Za-z]", re.IGNORECASE)
_SCHEME: Final = "bearer "


def shown_key(asked: Asked) -> str | None:
    """Return what was shown as a key, or None where nothing was."""
    tokens = [_token(value) for value in asked.all(b"authorization")]
    shown = [*tokens, *asked.all(b"x-api-key")]
    return " and ".join(shown) if shown else None


def refuse_key_in_address(asked: Asked) -> None:
    """Refuse a key in path or query, where logs and histories keep it; raises KeyInQueryError."""
    if _has_key(asked.path.encode()) or (asked.query and _has_key(asked.query)):
        msg = "an API key stands in the address, where logs keep it: revoke it, show it by header"
        raise KeyInQueryError(msg)


def _has_key(text: bytes) -> bool:
    plain = unquote_to_bytes(text) if b"%" in text else text
    return b"_" in plain and _FORM.search(plain) is not None


def _token(value: str) -> str:
    """Return the key of an Authorization header, or all of it where it is none of ours."""
    if value[: len(_SCHEME)].lower() == _SCHEME:
        return value[len(_SCHEME) :].strip(" ")
    return f"Authorization: {value}"
