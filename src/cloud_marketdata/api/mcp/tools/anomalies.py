"""get_anomalies."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from cloud_marketdata.api.mcp import arguments as given
from cloud_marketdata.api.mcp.digests.anomalies import AnomaliesDigestAnswer, anomalies_digest
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.signals.questions import MOST_ANOMALIES, AnomaliesQuestion
from cloud_marketdata.domain.signal import Severity, SignalKind

Kinds = Annotated[str | None, Field(description=f"by comma: {','.join(SignalKind)}")]
Severities = Annotated[str | None, Field(description=f"by comma: {','.join(Severity)}")]


def anomalies_tool(queries: Queries) -> Callable[..., Awaitable[AnomaliesDigestAnswer]]:
    """Return the tool over these queries."""

    async def get_anomalies(  # noqa: PLR0913, PLR0917 - a tool's arguments are its parameters
        venue: given.VenueName,
        symbol: given.SymbolName,
        start: given.Start = None,
        end: given.End = None,
        kinds: Kinds = None,
        severity: Severities = "warn,critical",
        state: str | None = None,
        cursor: given.PageCursor = None,
        detail: given.DetailName = "rows",
        max_rows: given.MaxRows = None,
    ) -> AnomaliesDigestAnswer:
        """What detectors found, by detection time; data.watch says where nobody looked.

        rows: [id, kind, detected, state, severity, side, low, high, size, trades].
        """
        question = AnomaliesQuestion(
            venue=venue,
            symbol=symbol,
            start=start,
            end=end,
            kinds=kinds,
            severity=severity,
            state=state,
            limit=MOST_ANOMALIES,
            cursor=cursor,
        )
        return anomalies_digest(await queries.signals.market(question), detail, max_rows)

    return get_anomalies
