"""get_candles."""

from collections.abc import Awaitable, Callable

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.candles import CandlesDigestAnswer, candles_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import MOST_CANDLES, CandlesQuestion


def candles_tool(queries: Queries) -> Callable[..., Awaitable[CandlesDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_candles(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: given.VenueName,
        symbol: given.SymbolName,
        start: given.Start = None,
        end: given.End = None,
        timeframe: given.Frame = "5m",
        cursor: given.PageCursor = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> CandlesDigestAnswer:
        """Bars: first, last, extremes, then most volume.

        rows: [open time, open, high, low, close, volume, taker buys, trades, marks].
        """
        question = CandlesQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            timeframe=timeframe,
            limit=MOST_CANDLES,
            cursor=cursor,
        )
        answer = await queries.candles(question)
        return candles_digest(answer, (venue, symbol), detail, max_rows)

    return get_candles
