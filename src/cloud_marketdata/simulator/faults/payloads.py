"""What faults do to the bytes of a message; pure, and the same for all venues.

Venues write ids and times under names of their own that do not collide, so one rule serves all.
"""

from typing import Any, Final

import msgspec

from cloud_marketdata.domain.values import NS_PER_MS

IDS: Final = ("U", "u", "pu", "lastUpdateId")
TIMES: Final = frozenset({"E", "T", "ts", "cts", "time", "serverTime", "openTime", "closeTime"})
MS_PER_S: Final = 1000
NAMES: Final = frozenset({"stream", "topic", "type", "e", "s", "S"})


def cut_short(payload: bytes) -> bytes:
    """Return the first two thirds of a message, which is no JSON any more."""
    return payload[: len(payload) * 2 // 3].decode(errors="ignore").encode()


def mistyped(payload: bytes) -> bytes:
    """Return valid JSON in which every number is a text and every other text is an object."""
    return msgspec.json.encode(_mistyped(msgspec.json.decode(payload)))


def renumbered(payload: bytes, by: int) -> bytes:
    """Move the update ids of a book or ticker message, or of a REST book."""
    document = msgspec.json.decode(payload)
    body = document.get("data") or document.get("result") or document
    for name in IDS:
        if name in body:
            body[name] += by
    return msgspec.json.encode(document)


def retimed(payload: bytes, ms: int) -> bytes:
    """Move every time in a message or a REST reply."""
    return msgspec.json.encode(_retimed(msgspec.json.decode(payload), ms))


def _mistyped(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            return {k: v if k in NAMES else _mistyped(v) for k, v in value.items()}
        case list():
            return [_mistyped(item) for item in value]
        case bool() | None:
            return value
        case int():
            return f"#{value}"
    return {"was": value}


def _retimed(value: Any, ms: int) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_retimed(item, ms) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {k: _moved(v, ms) if k in TIMES else _retimed(v, ms) for k, v in value.items()}
    if "timeNano" in moved:
        nano = int(moved["timeNano"]) + ms * NS_PER_MS
        moved |= {"timeNano": str(nano), "timeSecond": str(nano // (MS_PER_S * NS_PER_MS))}
    return moved


def _moved(value: Any, ms: int) -> Any:  # noqa: ANN401 - a time is a number or a text of digits
    if isinstance(value, str) and value.isdigit():
        return str(int(value) + ms)
    return value + ms if isinstance(value, int) else value
