"""The trades behind an anomaly, as a resource: `marketdata://anomalies/{venue}/{symbol}/{id}`.

An anomaly's id names its kind and when it began, so it is found by asking the same question as
everybody. The trades between its first and last id are read back while the log still holds them.
"""

from collections.abc import Sequence
from typing import Final

from fastmcp import FastMCP
from fastmcp.resources import ResourceContent, ResourceResult

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import MOST_TRADES, TradesQuestion
from cloud_marketdata.api.schemas import Trade
from cloud_marketdata.api.signals.questions import MOST_ANOMALIES, AnomaliesQuestion
from cloud_marketdata.api.signals.schemas import Anomaly
from cloud_marketdata.core.errors import UnknownMarketError
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe

URI: Final = "marketdata://anomalies/{venue}/{symbol}/{id}"
MOST_SHOWN: Final = 200
_PAGES: Final = 10
_PARTS: Final = 5
_DAY_MS: Final = Timeframe.D1.ns // NS_PER_MS


class UnknownAnomalyError(UnknownMarketError):
    """No anomaly of this market has the id, or it is no longer kept."""

    code = "unknown_anomaly"


class EvidenceData(Wire):
    """An anomaly and the trades from its first to its last, ascending, at most the first 200."""

    anomaly: Anomaly
    trades: list[Trade]
    trades_total: int
    trades_returned: int
    left_out: list[str]


class EvidenceAnswer(Wire):
    """What the resource holds; meta is that of the trades."""

    data: EvidenceData
    meta: Meta


def add_evidence(mcp: FastMCP, queries: Queries) -> None:
    """Add the resource."""

    @mcp.resource(URI, mime_type="application/json", title="Evidence of an anomaly")
    async def evidence(venue: str, symbol: str, id: str) -> ResourceResult:  # noqa: A002  the URI's word
        """The anomaly with this id (from get_anomalies), and the trades that caused it."""
        answer = await evidence_of(queries, (venue, symbol), id)
        return ResourceResult([ResourceContent(answer.model_dump_json(), "application/json")])


async def evidence_of(queries: Queries, market: tuple[str, str], name: str) -> EvidenceAnswer:
    """Return an anomaly with its trades; raises UnknownMarketError or UnknownAnomalyError."""
    anomaly = await _find(queries, market, name)
    end = max(anomaly.detected, anomaly.end or 0) + 1
    trades: list[Trade] = []
    cursor, meta = None, None
    for _ in range(_PAGES):
        page = await queries.trades(
            TradesQuestion(
                venue=market[0],
                symbol=market[1],
                start=None if cursor else anomaly.start,
                end=None if cursor else end,
                limit=MOST_TRADES,
                cursor=cursor,
            )
        )
        meta, cursor = meta or page.meta, page.meta.next_cursor
        trades += page.data
        if cursor is None:
            break
    assert meta is not None, "one page at least was read"
    return _answer(anomaly, _between(trades, anomaly), meta)


async def _find(queries: Queries, market: tuple[str, str], name: str) -> Anomaly:
    kind, start = _parts(name)
    cursor = None
    for _ in range(_PAGES):
        found = await queries.signals.market(
            AnomaliesQuestion(
                venue=market[0],
                symbol=market[1],
                start=start,
                end=start + _DAY_MS,
                kinds=kind,
                limit=MOST_ANOMALIES,
                cursor=cursor,
            )
        )
        for one in found.data.anomalies:
            if one.id == name:
                return one
        cursor = found.meta.next_cursor
        if cursor is None:
            break
    msg = f"no anomaly {name[:80]!r} of {market[0]}/{market[1]} is kept; ask get_anomalies"
    raise UnknownAnomalyError(msg)


def _parts(name: str) -> tuple[str, int]:
    """Return the kind and the beginning (ms) that an id names."""
    parts = name.split(":", _PARTS - 1)
    if len(parts) != _PARTS or not parts[3].isdecimal():
        msg = f"{name[:80]!r} is no id of an anomaly; get_anomalies gives them"
        raise UnknownAnomalyError(msg)
    return parts[0], int(parts[3]) // NS_PER_MS


def _between(trades: Sequence[Trade], anomaly: Anomaly) -> list[Trade]:
    """Return the trades from the first to the last that caused it, as far as they are kept."""
    first, last = anomaly.evidence.first_id, anomaly.evidence.last_id
    if isinstance(first, int) and isinstance(last, int):
        return [one for one in trades if isinstance(one.id, int) and first <= one.id <= last]
    ids = [one.id for one in trades]
    begin = ids.index(first) if first in ids else 0
    end = ids.index(last) + 1 if last in ids else len(ids)
    return list(trades[begin:end]) if first is not None else []


def _answer(anomaly: Anomaly, trades: list[Trade], meta: Meta) -> EvidenceAnswer:
    shown = trades[:MOST_SHOWN]
    total = max(anomaly.evidence.trades, len(trades))
    left = []
    if len(shown) < len(trades):
        left.append(f"the first {len(shown)} of {len(trades)} trades between first_id and last_id")
    if len(trades) < anomaly.evidence.trades:
        kept = f"{len(trades)} of {anomaly.evidence.trades} trades are still kept"
        left.append(kept)
    data = EvidenceData(
        anomaly=anomaly,
        trades=shown,
        trades_total=total,
        trades_returned=len(shown),
        left_out=left,
    )
    return EvidenceAnswer(data=data, meta=meta)
