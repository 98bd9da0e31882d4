"""Coverage in short: the shares of the range, and the stretches that are less than complete."""

from typing import Final

from cloud_marketdata.api.coverages import CoverageAnswer, CoveragePiece, CoverageShares
from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out

PieceRow = tuple[int, int, str, int | None, int | None, int | None, str]
_CONCERN: Final = {"missing": 0, "unknown": 1, "repaired": 2, "unbroken": 3, "complete": 4}


class CoverageDigest(Wire):
    """What is known of a stream, in short; rows ascend.

    Each row is [start, end, state, trades, low id, high id, reason].
    """

    venue: str
    symbol: str
    stream: str
    shares: CoverageShares
    missing_trades: int
    repaired_trades: int
    summary: str
    rows: list[PieceRow]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class CoverageDigestAnswer(Wire):
    """Answer of get_coverage."""

    data: CoverageDigest
    meta: Meta


def coverage_digest(
    answer: CoverageAnswer, detail: Detail, max_rows: int | None
) -> CoverageDigestAnswer:
    """Shorten coverage to the worst stretches, to none, or to all of them."""
    told, meta = answer.data, brief(answer.meta, detail)
    telling = sorted(told.intervals, key=lambda one: (_CONCERN[one.state], one.start - one.end))

    def make(most: int) -> CoverageDigestAnswer:
        shown = sorted(telling[:most], key=lambda one: one.start)
        digest = CoverageDigest(
            **told.model_dump(include={"venue", "symbol", "stream"}),
            shares=told.shares,
            missing_trades=told.missing_trades,
            repaired_trades=told.repaired_trades,
            summary=_words(answer),
            rows=[_row(one) for one in shown],
            rows_total=len(telling),
            rows_returned=len(shown),
            left_out=left_out(len(shown), len(telling), "stretches", answer.meta, meta),
        )
        return CoverageDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


def _row(one: CoveragePiece) -> PieceRow:
    ids = (one.low_id, one.high_id)
    return one.start, one.end, one.state, one.trades, *ids, one.reason


def _words(answer: CoverageAnswer) -> str:
    told, shares = answer.data, dict(answer.data.shares)
    parts = ", ".join(f"{share:.6f} {state}" for state, share in shares.items() if share)
    return (
        f"Of the time, {parts or 'nothing'} is known. {told.missing_trades} trades are proven "
        f"missing, {told.repaired_trades} were missing and have been filled."
    )
