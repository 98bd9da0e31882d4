"""stream_trades: the live tape as a bounded call that a cursor continues."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Final, Literal

from fastmcp import Context
from pydantic import Field

from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.trades import TapeDigestAnswer, tape_digest
from cloud_marketdata.api.mcp.tape.desk import Bounds, TapeDesk
from cloud_marketdata.api.mcp.tape.orders import Wanted
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import MarketQuestion
from cloud_marketdata.domain.values import Side

MOST_TRADES: Final = 1000
LONGEST_S: Final = 25
_TELL_S: Final = 0.25

TapePlace = Annotated[str | None, Field(description="data.next_cursor; none: from now")]
MostTrades = Annotated[int, Field(ge=1, le=MOST_TRADES)]
Duration = Annotated[float, Field(ge=0, le=LONGEST_S, description="waits so long, at most 25")]
Notional = Annotated[
    str | None,
    Field(pattern=r"^[0-9]{1,15}([.][0-9]{1,12})?$", description="of an order, quote units"),
]
TakerSide = Annotated[Literal["buy", "sell"] | None, Field()]


def trades_tool(queries: Queries) -> Callable[..., Awaitable[TapeDigestAnswer]]:
    """Return the tool over these queries."""
    desk = _desk(queries)

    async def stream_trades(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        ctx: Context,
        venue: given.VenueName,
        symbol: given.SymbolName,
        cursor: TapePlace = None,
        max_trades: MostTrades = 100,
        duration_s: Duration = 3,
        min_notional: Notional = None,
        side: TakerSide = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> TapeDigestAnswer:
        """New trades as taker orders; call again with next_cursor: no hole, no repeat.

        rows: [time, side, low, high, size, notional, trades, first id, last id], the largest.
        """
        wanted = Wanted(
            None if side is None else Side(side),
            None if min_notional is None else Decimal(min_notional),
        )
        asked = MarketQuestion(venue=venue, symbol=symbol)
        bounds = Bounds(max_trades, duration_s, wanted)
        piece = await desk.pull(asked, cursor, bounds, _Telling(ctx, duration_s))
        return tape_digest(piece, wanted, detail, max_rows)

    return stream_trades


class _Telling:
    """Tells who waits how the wait goes: ever more seconds, a few times in each."""

    def __init__(self, ctx: Context, seconds: float) -> None:
        self._ctx = ctx
        self._seconds = seconds
        self._told: float | None = None

    async def __call__(self, passed: float, trades: int) -> None:
        """Tell it, unless it was told a moment ago."""
        if self._told is not None and passed < self._told + _TELL_S:
            return
        self._told = passed
        await self._ctx.report_progress(passed, self._seconds, f"{trades} trades so far")


def _desk(queries: Queries) -> TapeDesk:
    # The log is no question of REST's, so `Queries` has no method for it.
    stores, hot_ns = queries.stores, queries.hot_ns
    return TapeDesk(queries, stores.log, KnownMarkets(stores.instruments), hot_ns)
