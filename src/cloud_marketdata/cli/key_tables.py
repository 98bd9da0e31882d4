"""Keys as the command line shows them: as REST tells them, or as a table for people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.keys.lifecycle import state_of
from cloud_marketdata.storage.security_ports import KeyRecord

_COLUMNS: Final = ("id", "owner", "state", "scopes", "rotate at", "ends at", "used at")


def described(record: KeyRecord, now: int) -> dict[str, Any]:
    """Return what anybody may know of a key, as /v1/keys tells it."""
    from cloud_marketdata.api.key_models import told  # noqa: PLC0415  pays for the API's imports

    found: dict[str, Any] = told(record, now).model_dump(mode="json")
    return found


def table(records: Sequence[KeyRecord], now: int) -> str:
    """Return the keys as a table for people, one a line."""
    rows = [_COLUMNS, *(_cells(record, now) for record in records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def date(at: int) -> str:
    """Return a time in ns as people read it."""
    if not at:
        return "never"
    return datetime.fromtimestamp(at // NS_PER_S, UTC).isoformat().replace("+00:00", "Z")


def _cells(record: KeyRecord, now: int) -> tuple[str, ...]:
    times = map(date, (record.rotate_at, record.ends_at, record.used_at))
    state = state_of(record, now).value
    return (record.id, record.owner, state, ",".join(record.scopes), *times)
