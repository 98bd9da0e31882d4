"""Order flow made short for a language model: sums in words, and the bars that tell something.

Bars are chosen by what they tell, never by where they stand: those with a divergence or a gap
first, then those with the largest delta; how many there are is said beside them.
"""

from decimal import Decimal

from cloud_marketdata.api.digests import Detail
from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.flow.schemas import FlowBar, OrderFlow, OrderFlowAnswer


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
    delta: str
    delta_pct: str | None
    cvd: str | None
    cvd_since: int | None
    cvd_continuous: bool
    summary: str
    rows: list[tuple[int, str, str, str, str | None, list[str]]]
    rows_total: int
    rows_returned: int


class FlowDigestAnswer(Wire):
    """Answer of get_order_flow."""

    data: FlowDigest
    meta: Meta


def flow_digest(answer: OrderFlowAnswer, detail: Detail, max_rows: int) -> FlowDigestAnswer:
    """Shorten order flow to `max_rows` telling bars, to none, or to all of them."""
    flow = answer.data
    most = {"summary": 0, "rows": max_rows, "full": len(flow.bars)}[detail]
    bars = _telling(flow.bars, most)
    digest = FlowDigest(
        venue=flow.venue,
        symbol=flow.symbol,
        unit=flow.unit,
        quote_unit=flow.quote_unit,
        timeframe=flow.timeframe,
        volume=flow.volume,
        delta=flow.delta,
        delta_pct=flow.delta_pct,
        cvd=flow.bars[-1].cvd if flow.bars else None,
        cvd_since=flow.cvd.since,
        cvd_continuous=flow.cvd.continuous,
        summary=_words(flow),
        rows=[
            (bar.open_time, bar.close, bar.volume, bar.delta, bar.cvd, _marks(bar)) for bar in bars
        ],
        rows_total=len(flow.bars),
        rows_returned=len(bars),
    )
    return FlowDigestAnswer(data=digest, meta=answer.meta)


def _telling(bars: list[FlowBar], most: int) -> list[FlowBar]:
    """Return the most telling bars, ascending."""
    chosen = sorted(bars, key=lambda bar: (not _marks(bar), -abs(Decimal(bar.delta))))[:most]
    return sorted(chosen, key=lambda bar: bar.open_time)


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
