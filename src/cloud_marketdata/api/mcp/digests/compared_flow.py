"""Composite order flow as a table: delta and CVD of each bar, and each venue's delta in it."""

from decimal import Decimal

from cloud_marketdata.api.composite.schemas import (
    CompositeBar,
    CompositeFlow,
    CompositeFlowAnswer,
    FlowTotals,
)
from cloud_marketdata.api.mcp.digests.comparison import Facts, Line, Table, quality_facts


def compared_flow(answer: CompositeFlowAnswer) -> Table:
    """Return the table of composite order flow."""
    flow = answer.data
    deltas = [abs(Decimal(bar.delta)) for bar in flow.bars]
    return Table(
        head={
            "what": "order_flow",
            "symbol": flow.symbol,
            "venues": flow.venues,
            "unit": flow.unit,
            "quote_unit": flow.quote_unit,
            "summary": _words(flow),
        },
        facts={
            "timeframe": flow.timeframe,
            "volume": flow.volume,
            "delta": flow.delta,
            "cvd_last": flow.bars[-1].cvd if flow.bars else None,
            "reset": flow.reset,
            "continuous": flow.continuous,
        },
        by_venue={venue: _share(one) for venue, one in flow.by_venue.items()},
        columns=["open_time", "volume", "delta", "cvd", "complete", *_deltas(flow.venues)],
        rows=[_row(bar, flow.venues) for bar in flow.bars],
        telling=sorted(range(len(deltas)), key=lambda at: (flow.bars[at].complete, -deltas[at])),
        meta=answer.meta,
    )


def _deltas(venues: list[str]) -> list[str]:
    return [f"delta of {venue}" for venue in venues]


def _share(one: FlowTotals) -> Facts:
    return {"volume": one.volume, "delta": one.delta, **quality_facts(one.quality)}


def _row(bar: CompositeBar, venues: list[str]) -> Line:
    shares = [bar.by_venue[venue].delta for venue in venues]
    return [bar.open_time, bar.volume, bar.delta, bar.cvd, bar.complete, *shares]


def _words(flow: CompositeFlow) -> str:
    if not flow.bars:
        return "Nothing traded in this range, as far as is known."
    shares = ", ".join(f"{one.delta} {venue}" for venue, one in flow.by_venue.items())
    signs = {Decimal(one.delta) > 0 for one in flow.by_venue.values() if Decimal(one.delta)}
    alike = "agree" if len(signs) == 1 else "disagree"
    return (
        f"{flow.volume} {flow.unit} traded in {len(flow.bars)} bars of {flow.timeframe}; delta "
        f"{flow.delta}: {shares}. The venues {alike} on its side."
    )
