"""How a venue says that it is asked too often, read from one HTTP answer.

Binance: status 429, and 418 for those who went on; Bybit: status 403, or status 200 with code 10006
in the body. Pure: status, headers and body go in. Nothing is waited for here.
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec

from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S

_STATUSES: Final = frozenset({403, 418, 429})
_OK: Final = 200
_TOO_MANY_VISITS: Final = 10_006


class Throttled(NamedTuple):
    """A refusal for rate: its HTTP status or code, and in how many seconds to ask again."""

    code: int
    retry_after_s: float | None


class _Coded(msgspec.Struct):
    retCode: int = 0  # noqa: N815  the venue's own name


_coded: Final = msgspec.json.Decoder(_Coded)


def throttled(
    status: int, headers: Mapping[str, str], body: bytes, now_ns: int
) -> Throttled | None:
    """Return the refusal that this answer is, or None where it is no refusal for rate.

    headers: by name in any case, as HTTP clients give them. now_ns: our wall clock.
    """
    if status in _STATUSES:
        return Throttled(status, _retry_after_s(headers.get("Retry-After"), now_ns))
    if status == _OK and b"10006" in body and _code(body) == _TOO_MANY_VISITS:
        return Throttled(_TOO_MANY_VISITS, _until_reset_s(headers, now_ns))
    return None


def used_weight(headers: Mapping[str, str]) -> int | None:
    """Return what the venue counts for our address in this minute, where it says so."""
    text = headers.get("X-MBX-USED-WEIGHT-1M", "")
    return int(text) if _is_count(text) else None


def _code(body: bytes) -> int:
    try:
        return _coded.decode(body).retCode
    except msgspec.DecodeError:
        return 0


def _retry_after_s(text: str | None, now_ns: int) -> float | None:
    if text is None:
        return None
    if _is_count(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        # The older form of HTTP dates names no zone; all of them are UTC.
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now_ns / NS_PER_S)


def _until_reset_s(headers: Mapping[str, str], now_ns: int) -> float | None:
    """Seconds until Bybit's own reset; without one told, or one that has passed, None."""
    text = headers.get("X-Bapi-Limit-Reset-Timestamp", "")
    left_ns = int(text) * NS_PER_MS - now_ns if _is_count(text) else 0
    return left_ns / NS_PER_S if left_ns > 0 else None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15  # noqa: PLR2004  ms till 33658
