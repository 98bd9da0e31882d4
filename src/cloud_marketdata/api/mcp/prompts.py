"""Prompts: what to ask, in which order, and when not to believe the answers."""

from typing import Annotated

from fastmcp import FastMCP
from pydantic import Field

Market = Annotated[str, Field(description="binance-spot, binance-usdm, bybit-spot, bybit-linear")]
Symbol = Annotated[str, Field(description="e.g. BTCUSDT")]
_DOUBT = (
    "Before each number read meta.quality: say so where coverage is below 1 or null, where "
    "gaps_total is not 0, where staleness_ms is large, or where reasons are given. Never fill in a "
    "number that was refused."
)


def add_prompts(mcp: FastMCP) -> None:
    """Add the prompts."""
    mcp.prompt(title="Read the tape")(read_the_tape)
    mcp.prompt(title="Is this level real?")(is_this_level_real)
    mcp.prompt(title="Compare venues")(compare_the_venues)


def read_the_tape(venue: Market, symbol: Symbol) -> str:
    """Say what happened in a market in the last hour, and what is happening now."""
    at = f"venue={venue}, symbol={symbol}"
    return (
        f"Read the tape of {symbol} on {venue} for the last hour.\n"
        f"1. get_coverage({at}): how much of the hour is proven.\n"
        f"2. get_order_flow({at}, timeframe=5m): who was the aggressor, where do price and CVD "
        f"disagree.\n"
        f"3. get_volume_profile({at}, rolling=60): where did it trade, where is price now.\n"
        f"4. get_anomalies({at}): what stood out; data.watch says where nobody looked.\n"
        f"5. stream_trades({at}), then again with next_cursor: what goes on now.\n"
        f"{_DOUBT} End with five sentences a trader can use, each with its number and its time."
    )


def is_this_level_real(
    venue: Market, symbol: Symbol, price: Annotated[str, Field(description="e.g. 61800.0")]
) -> str:
    """Weigh whether a price level is defended or only shown."""
    at = f"venue={venue}, symbol={symbol}"
    return (
        f"Is the level {price} of {symbol} on {venue} real?\n"
        f"1. get_market_depth({at}, levels=200): what rests there. If it is refused, say that the "
        f"book is out of sync and judge by trades alone.\n"
        f"2. get_volume_profile({at}, session=utc_day): was much traded there, is it a node or an "
        f"edge of the value area.\n"
        f"3. get_anomalies({at}, kinds=absorption,flow_absorption,iceberg_suspected): did it hold "
        f"before; read the evidence of those whose low to high holds {price}.\n"
        f"4. stream_trades({at}, duration_s=10), continued twice: is it being hit, and by whom.\n"
        f"Resting size can be withdrawn at any time and proves nothing; size that was traded does. "
        f"{_DOUBT} Answer real, doubtful or unknown, with what would change your mind."
    )


def compare_the_venues(
    symbol: Symbol, venues: Annotated[str, Field(description="two by comma")]
) -> str:
    """Say which venue leads, where the volume is, and whether the flows agree."""
    at = f"symbol={symbol}, venues={venues}"
    return (
        f"Compare {symbol} on {venues} for the last hour.\n"
        f"1. compare_venues(what=profile, {at}): each venue's share, and whether their points of "
        f"control are the same.\n"
        f"2. compare_venues(what=order_flow, {at}): do their deltas agree.\n"
        f"3. compare_venues(what=lead_lag, {at}): who moves first and how far apart prices are; "
        f"without a minute in which a lag stands out, say that nobody leads.\n"
        f"data.by_venue has each venue's own coverage: the whole is as good as the worst of them. "
        f"{_DOUBT}"
    )
