"""Order flow in short: sums in words, and the bars that tell something.

Bars are chosen by what they tell, never by where they stand: those with a divergence or a gap
first, then those with the largest delta.
"""

from decimal import Decimal

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.flow.schemas import FlowBar, OrderFlow, OrderFlowAnswer
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out


class FlowDigest(Wire):
    """Order flow in short. Each row is [open time, close, volume, delta, CVD, marks]; they ascend.

    Marks name divergences, and `gap` where trades may be missing inside the bar.
    """

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    timeframe: str
    volume: str
    buy: str
    sell: str
    delta: str
    delta_pct: str | None
    cvd_last: str | None
    cvd_since: int | None
    cvd_continuous: bool
    summary: str
    rows: list[tuple[int, str, str, str, str | None, list[str]]]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class FlowDigestAnswer(Wire):
    """Answer of get_order_flow."""

    data: FlowDigest
    meta: Meta


def flow_digest(answer: OrderFlowAnswer, detail: Detail, max_rows: int | None) -> FlowDigestAnswer:
    """Shorten order flow to its telling bars, to none, or to all of them."""
    flow, meta = answer.data, brief(answer.meta, detail)
    telling = sorted(flow.bars, key=lambda bar: (not _marks(bar), -abs(Decimal(bar.delta))))

    def make(most: int) -> FlowDigestAnswer:
        bars = sorted(telling[:most], key=lambda bar: bar.open_time)
        digest = FlowDigest(
            **flow.model_dump(include=_SAME),
            cvd_last=flow.bars[-1].cvd if flow.bars else None,
            cvd_since=flow.cvd.since,
            cvd_continuous=flow.cvd.continuous,
            summary=_words(flow),
            rows=[_row(bar) for bar in bars],
            rows_total=len(telling),
            rows_returned=len(bars),
            left_out=left_out(len(bars), len(telling), "bars", answer.meta, meta),
        )
        return FlowDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


_SAME = set(FlowDigest.model_fields) & set(OrderFlow.model_fields)


def _row(bar: FlowBar) -> tuple[int, str, str, str, str | None, list[str]]:
    return bar.open_time, bar.close, bar.volume, bar.delta, bar.cvd, _marks(bar)


def _marks(bar: FlowBar) -> list[str]:
    inside = [bar.bar_divergence] if bar.bar_divergence else []
    return [*inside, *(bar.swing_divergence or ()), *(() if bar.complete else ("gap",))]


def _words(flow: OrderFlow) -> str:
    if not flow.bars:
        return "Nothing traded in this range, as far as is known."
    delta = Decimal(flow.delta)
    more, less = ("buys", "sells") if delta >= 0 else ("sells", "buys")
    share = format(abs(Decimal(flow.delta_pct or 0)), ".2f")
    last, marked = flow.bars[-1], sum(bool(_marks(bar)) for bar in flow.bars)
    broken = "" if flow.cvd.continuous else ", not without a gap since its reset"
    return (
        f"{flow.volume} {flow.unit} traded in {len(flow.bars)} bars of {flow.timeframe}, from "
        f"{flow.bars[0].open} to {last.close} {flow.quote_unit}. Taker {more} exceed {less} by "
        f"{abs(delta)} {flow.unit}, {share} % of volume. CVD ({flow.cvd.reset}) ends at "
        f"{last.cvd}{broken}. {marked} bars diverge or have a gap."
    )
