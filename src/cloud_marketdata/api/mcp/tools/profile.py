"""get_volume_profile."""

from collections.abc import Awaitable, Callable

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.profile import ProfileDigestAnswer, profile_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import ProfileQuestion, ValueAreaMethod, ValueAreaShare
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT


def profile_tool(queries: Queries) -> Callable[..., Awaitable[ProfileDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_volume_profile(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: given.VenueName,
        symbol: given.SymbolName,
        start: given.Start = None,
        end: given.End = None,
        session: given.SessionName = None,
        date: given.Day = None,
        rolling: given.Rolling = None,
        row_ticks: given.RowTicks = None,
        va_method: ValueAreaMethod = DEFAULT_METHOD,
        va_pct: ValueAreaShare = DEFAULT_PCT,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> ProfileDigestAnswer:
        """Volume by price of a range: point of control, value area, rows [low, buy, sell]."""
        question = ProfileQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            session=session,
            date=date,
            rolling=rolling,
            row_ticks=row_ticks,
            va_method=va_method,
            va_pct=va_pct,
        )
        return profile_digest(await queries.volume_profile(question), detail, max_rows)

    return get_volume_profile
