"""Lead, lag and basis of a pair as its analyst told them by the minute."""

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any

from cloud_marketdata.api.composite.schemas import LeadLag, LeadLagMinute
from cloud_marketdata.domain.flow import FlowMinute, Reading
from cloud_marketdata.domain.values import NS_PER_MS, Venue

METHOD: Mapping[str, str | int] = {
    "lead_lag": "cross-correlation of the steps of both, on a grid of 1 ms, +-1000 ms",
    "smoothing": "triangle of 20 ms",
    "half_life": "11 min",
    "lag_ms": "as seen from here: each venue's match times plus its clock offset",
    "lag_match_ms": "by the venues' own match times: lag_ms less the difference of their offsets",
    "clock_offset": "smallest receipt less match time of 10 min",
    "basis": "ln(first mid / second mid), looked at every 100 ms while both changed in 500 ms",
    "least_z": 8,
}


def lead_lag(symbol: str, venues: Sequence[Venue], minutes: Sequence[FlowMinute]) -> LeadLag:
    """Describe ascending minutes of a pair; `venues` are in the pair's order."""
    names = [venue.value for venue in venues]
    told = [_minute(names, minute) for minute in minutes]
    found = [one for one in told if one.lag_ms is not None]
    lags = [one.lag_ms for one in found if one.lag_ms is not None]
    newest = found[-1] if found else None
    return LeadLag(
        symbol=symbol,
        venues=names,
        leader=_leader(names, newest),
        lag_ms=newest.lag_ms if newest else None,
        lag_match_ms=newest.lag_match_ms if newest else None,
        median_lag_ms=median_low(lags) if lags else None,
        correlation=newest.correlation if newest else None,
        z=newest.z if newest else None,
        at=newest.start if newest else None,
        minutes=told,
    )


def _leader(names: Sequence[str], newest: LeadLagMinute | None) -> str | None:
    if newest is None or newest.lag_ms is None or abs(newest.lag_ms) <= 1:
        return None
    return names[0] if newest.lag_ms > 0 else names[1]


def _minute(names: Sequence[str], minute: FlowMinute) -> LeadLagMinute:
    lead = minute.readings.get("lead_lag", {})
    basis = minute.readings.get("basis", {})
    clock = minute.readings.get("pair_clock", {})
    fields: dict[str, Any] = {
        "start": minute.start // NS_PER_MS,
        "lag_ms": lead.get("lag_ms"),
        "lag_match_ms": lead.get("lag_match_ms"),
        "source": lead.get("source", ""),
        "correlation": _rounded(lead, "correlation"),
        "z": _rounded(lead, "z"),
        "steps": [lead.get("first_steps", 0), lead.get("second_steps", 0)],
        "basis_bp": _rounded(basis, "mean_bp"),
        "basis_low_bp": _rounded(basis, "low_bp"),
        "basis_high_bp": _rounded(basis, "high_bp"),
        "basis_last_bp": _rounded(basis, "last_bp"),
        "looks": basis.get("looks", 0),
        "clock_offset_ms": {name: clock.get(f"{name}_offset_ms", 0) for name in names},
        "warming": list(minute.warming),
    }
    return LeadLagMinute(**fields)


def _rounded(reading: Reading, name: str) -> float | None:
    value = reading.get(name)
    return round(value, 4) if isinstance(value, float) else None
