"""Anomalies in short: which kinds there are, and the gravest of them, a line each."""

from collections import Counter
from typing import Final

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.signals.schemas import AnomaliesAnswer, Anomaly, WatchOut

AnomalyRow = tuple[str, str, int, str, str, str | None, str | None, str | None, str | None, int]
_GRAVITY: Final = {"critical": 0, "warn": 1, "info": 2}


class AnomaliesDigest(Wire):
    """Anomalies in short, ascending by detection; `anomalies` has them whole with detail=full.

    Each row is [id, kind, detected, state, severity, side, low, high, size, trades].
    """

    scope: str
    symbol: str
    unit: str
    quote_unit: str
    watch: WatchOut
    summary: str
    rows: list[AnomalyRow]
    anomalies: list[Anomaly]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class AnomaliesDigestAnswer(Wire):
    """Answer of get_anomalies."""

    data: AnomaliesDigest
    meta: Meta


def anomalies_digest(
    answer: AnomaliesAnswer, detail: Detail, max_rows: int | None
) -> AnomaliesDigestAnswer:
    """Shorten one page of anomalies to the gravest and newest, to none, or to all of them."""
    told, meta = answer.data, brief(answer.meta, detail)
    telling = sorted(told.anomalies, key=lambda one: (_GRAVITY[one.severity], -one.detected))

    def make(most: int) -> AnomaliesDigestAnswer:
        shown = sorted(telling[:most], key=lambda one: (one.detected, one.id))
        digest = AnomaliesDigest(
            **told.model_dump(include={"scope", "symbol", "unit", "quote_unit"}),
            watch=told.watch,
            summary=_words(told.anomalies),
            rows=[] if detail == "full" else [_row(one) for one in shown],
            anomalies=shown if detail == "full" else [],
            rows_total=len(telling),
            rows_returned=len(shown),
            left_out=left_out(len(shown), len(telling), "anomalies", answer.meta, meta),
        )
        return AnomaliesDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


def _row(one: Anomaly) -> AnomalyRow:
    found = (one.id, one.kind, one.detected, one.state, one.severity)
    return *found, one.side, one.low, one.high, one.size, one.evidence.trades


def _words(found: list[Anomaly]) -> str:
    if not found:
        return "None was told; watch says how much was looked at."
    kinds = Counter(one.kind for one in found).most_common()
    grave = sum(one.severity == "critical" for one in found)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return (
        f"{counted}; {grave} critical. Evidence: marketdata://anomalies/{{venue}}/{{symbol}}/{{id}}"
    )
