"""How the answers about order flow were made, in the words of `meta.method`."""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.api.flow.questions import FootprintQuestion, OrderFlowQuestion
from cloud_marketdata.api.flow.schemas import FlowBar
from cloud_marketdata.api.times import iso
from cloud_marketdata.processing.metrics.cvd import Policy, Reset
from cloud_marketdata.processing.metrics.divergence import LENGTH
from cloud_marketdata.processing.metrics.unfinished import NAMING

Method = dict[str, str | int]

VPIN_WARNING: Final = (
    "of exact taker sides; with them VPIN behaves against the published one and has no power of "
    "its own over volatility (Andersen, Bondarenko)"
)


def order_flow_method(question: OrderFlowQuestion, reset: Reset, bars: Sequence[FlowBar]) -> Method:
    """Name how deltas were summed and compared."""
    method: Method = {
        "timeframe": question.timeframe,
        "delta": "taker buys less taker sells, by the venue's own side",
        "reset": reset.policy.value,
        "cvd_gaps": "a gap not proven filled ends a segment; the bar it ends in begins the next",
        "swing_bars": LENGTH,
    }
    if reset.policy is Policy.ANCHOR:
        method["anchor"] = iso(reset.anchor)
    if question.rolling is not None:
        method["rolling_minutes"] = question.rolling
    if any("vpin" in (bar.measures or {}) for bar in bars):
        method["vpin"] = VPIN_WARNING
    return method


def footprint_method(question: FootprintQuestion, row_ticks: int) -> Method:
    """Name how rows were cut and compared."""
    return {
        "timeframe": question.timeframe,
        "binning": "floor, on a grid anchored at price 0",
        "row_ticks": row_ticks,
        "imbalance": "diagonal, strictly above the ratio",
        "ratio_pct": question.ratio,
        "min_volume": "0.2 % of the bar, at least one lot"
        if question.min_volume is None
        else format(question.min_volume, "f"),
        "zero": "apart, as zero prints" if question.ignore_zero else "an imbalance",
        "stack": question.stack,
        "zones": "judged by the later bars of this answer",
        "unfinished_naming": NAMING,
    }
