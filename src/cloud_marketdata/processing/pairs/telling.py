"""What a pair says to its readers: readings that name their venue, and signals with both sides."""

from typing import Final

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.pairs.correlogram import Estimate
from cloud_marketdata.processing.pairs.divergence import FIRE_Z, Found
from cloud_marketdata.processing.pairs.leg import FRESH_NS, Kept
from cloud_marketdata.processing.pairs.likes import Pair

DETECTOR: Final = "venue_divergence"
VERSION: Final = 1
AFFECTS: Final = ("composite_profile", "lead_lag")

Both = tuple[Kept, Kept]


def told_of(pair: Pair, instrument: Instrument, legs: Both) -> dict[str, Reading]:
    """Return what is of one market each: its order flow imbalance in lots, and its clock."""
    flow: Reading = {}
    clock: Reading = {}
    for venue, leg in zip(pair[:2], legs, strict=True):
        lots = leg.instrument.scale.factors(instrument.scale)[1] if leg.instrument else 1
        flow[venue.value] = leg.ofi * lots
        flow[f"{venue.value}_changes"] = leg.changes
        clock[f"{venue.value}_offset_ms"] = leg.clock.ms
    return {"pair_ofi": flow, "pair_clock": clock}


def lead(tape: Estimate, mids: Estimate, legs: Both, *, fine: bool) -> Reading:
    """Return what is known of lead and lag, by the mids where their times are `fine` enough.

    lag_ms: by how much the second follows the first as seen from here, or None. lag_match_ms: the
    same by the venues' own clocks, the offsets taken out again. steps: of the newest minute.
    """
    first, second = legs
    by_mids = fine and (mids.z or 0.0) > (tape.z or 0.0)
    best = mids if by_mids else tape
    paths = (first.mids, second.mids) if by_mids else (first.tape, second.tape)
    ways = second.clock.ms - first.clock.ms
    return {
        "lag_ms": best.lag,
        "lag_match_ms": None if best.lag is None else best.lag - ways,
        "source": "mid" if by_mids else "tape",
        "correlation": best.correlation,
        "z": best.z,
        "first_steps": len(paths[0].steps),
        "second_steps": len(paths[1].steps),
        "dropped_steps": paths[0].dropped + paths[1].dropped,
        "tape_lag_ms": tape.lag,
        "mid_lag_ms": mids.lag,
        "mid_fine": fine,
    }


def divergence_signal(pair: Pair, instrument: Instrument, found: Found, legs: Both) -> Signal:
    """Return one telling of a divergence."""
    over = found.end is not None
    return Signal(
        signal_id(SignalKind.VENUE_DIVERGENCE, pair.subject, found.start),
        SignalKind.VENUE_DIVERGENCE,
        instrument,
        found.start,
        found.detected,
        found.end,
        SignalState.RESOLVED if over else SignalState.OPEN,
        Severity.WARN,
        found.peak_z if over else found.z,
        FIRE_Z,
        0.0,
        DETECTOR,
        VERSION,
        affects=AFFECTS,
        detail=_detail(pair, found, legs),
        revision=int(over),
    )


def _detail(pair: Pair, found: Found, legs: Both) -> dict[str, int | float | str | bool]:
    venues = (pair.first.value, pair.second.value)
    told: dict[str, int | float | str | bool] = {
        "moved_first": venues[found.moved],
        "x_bp": found.x_bp,
        "usual_bp": found.usual_bp,
        "deviation_bp": found.deviation_bp,
        "fresh_ms": FRESH_NS // NS_PER_MS,
    }
    for venue, leg, move in zip(venues, legs, found.moves, strict=True):
        told[f"{venue}_moved_bp"] = move
        told[f"{venue}_clock_offset_ms"] = leg.clock.ms
        told[f"{venue}_trade"] = leg.trade_id
    return told
