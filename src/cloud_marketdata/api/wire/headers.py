"""The small headers that say beside any form what `meta` says inside JSON.

`X-Quality` is a dictionary of structured fields (RFC 9651), `Link` names the next page relative to
the one that was asked for, so it stays right behind whatever proxy.
"""

from urllib.parse import parse_qsl, urlencode

from cloud_marketdata.api.envelope import Meta, QualityOut


def quality_header(quality: QualityOut) -> str:
    """Return the quality in short; nothing is said of what is not known."""
    told = {
        "as_of": quality.as_of,
        "staleness_ms": quality.staleness_ms,
        "coverage": None if quality.coverage is None else f"{quality.coverage:.6f}",
        "gaps": quality.gaps_total,
        "late": quality.late,
        "reconciled": quality.reconciled,
        "reasons": len(quality.reasons),
    }
    return ", ".join(f"{name}={_item(value)}" for name, value in told.items() if value is not None)


def next_link(meta: Meta, query: bytes) -> str | None:
    """Return the link to the page behind this one, for the query that asked for this one."""
    if meta.next_cursor is None:
        return None
    asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    return f'<?{urlencode([*kept, ("cursor", meta.next_cursor)])}>; rel="next"'


def _item(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
