"""The whole measurement: labelled markets, pairs, and captures where they are."""

from collections.abc import Callable
from pathlib import Path

from cloud_marketdata.bench.signals.captures import on_captures
from cloud_marketdata.bench.signals.markets import Scored, scored
from cloud_marketdata.bench.signals.pairs import Lag, paired_markets
from cloud_marketdata.bench.signals.result import Plan, Result
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.simulator.labelled.spec import Spec

Tell = Callable[[str], None]


def measure(plan: Plan, captures: Path | None, tell: Tell) -> Result:
    """Measure everything; `tell` is given a line before each part."""
    markets = _markets(plan, tell)
    pairs, lags = _pairs(plan, tell)
    recorded = []
    if captures and captures.is_dir():
        tell(f"captures in {captures}")
        recorded = list(on_captures(captures))
    else:
        tell("no folder of captures: skipped")
    return Result(markets, pairs, lags, recorded)


def _markets(plan: Plan, tell: Tell) -> Scored:
    spec = Spec(rounds=plan.rounds, warm_s=plan.warm_s, pause_s=plan.pause_s)
    whole = Scored()
    for venue in plan.venues:
        for seed in plan.seeds:
            tell(f"{venue}, seed {seed}")
            whole.add(scored(venue, spec, seed))
    return whole


def _pairs(plan: Plan, tell: Tell) -> tuple[Scored, list[Lag]]:
    whole, lags = Scored(), []
    for seed, lag_ms in enumerate(plan.lags_ms, start=1):
        tell(f"a pair with a lag of {lag_ms} ms")
        spec = Spec(
            kinds=(SignalKind.VENUE_DIVERGENCE,),
            rounds=plan.rounds,
            warm_s=plan.pair_warm_s,
            pause_s=plan.pause_s,
            lag_ms=lag_ms,
        )
        marks, lag = paired_markets(spec, seed)
        whole.add(marks)
        lags.append(lag)
    return whole, lags
