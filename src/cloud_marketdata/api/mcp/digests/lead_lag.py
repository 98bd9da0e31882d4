"""Who moves first as a table, by the minute; the newest minutes are the most telling ones."""

from cloud_marketdata.api.composite.schemas import LeadLag, LeadLagAnswer, LeadLagMinute
from cloud_marketdata.api.mcp.digests.comparison import Line, Table

_COLUMNS = ["start", "lag_ms", "lag_match_ms", "correlation", "z", "basis_bp", "source"]


def compared_leads(answer: LeadLagAnswer) -> Table:
    """Return the table of a pair's minutes."""
    told = answer.data
    newest = reversed(range(len(told.minutes)))
    basis = told.minutes[-1].basis_last_bp if told.minutes else None
    return Table(
        head={
            "what": "lead_lag",
            "symbol": told.symbol,
            "venues": told.venues,
            "unit": None,
            "quote_unit": None,
            "summary": _words(told),
        },
        facts={
            "leader": told.leader,
            "lag_ms": told.lag_ms,
            "lag_match_ms": told.lag_match_ms,
            "median_lag_ms": told.median_lag_ms,
            "correlation": told.correlation,
            "z": told.z,
            "at": told.at,
            "basis_last_bp": basis,
        },
        by_venue={},
        columns=_COLUMNS,
        rows=[_row(minute) for minute in told.minutes],
        telling=sorted(newest, key=lambda at: told.minutes[at].lag_ms is None),
        meta=answer.meta,
    )


def _row(minute: LeadLagMinute) -> Line:
    return [getattr(minute, name) for name in _COLUMNS]


def _words(told: LeadLag) -> str:
    if not told.minutes:
        return "No minute of this pair has been told."
    found = sum(minute.lag_ms is not None for minute in told.minutes)
    if not found:
        return f"In none of {len(told.minutes)} minutes a lag stands out."
    lead = f"{told.leader} moves first" if told.leader else "neither moves first by more than 1 ms"
    return (
        f"In {found} of {len(told.minutes)} minutes a lag stands out; in the newest of them {lead} "
        f"(lag_ms {told.lag_ms}: how far {told.venues[1]} follows {told.venues[0]})."
    )
