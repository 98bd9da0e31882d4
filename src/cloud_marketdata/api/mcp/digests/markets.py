"""The markets that are collected, a line each, those that traded last first."""

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.schemas import Market, MarketsAnswer

MarketRow = tuple[str, str, str, str, int | None, int | None, str]


class MarketsDigest(Wire):
    """Markets. Each row is [venue, symbol, tick, lot, since, last trade, state of the book]."""

    summary: str
    rows: list[MarketRow]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class MarketsDigestAnswer(Wire):
    """Answer of get_markets."""

    data: MarketsDigest
    meta: Meta


def markets_digest(
    answer: MarketsAnswer, wanted: tuple[str | None, str | None], detail: Detail, rows: int | None
) -> MarketsDigestAnswer:
    """List the markets of a venue and of a symbol, where these are given."""
    venue, symbol = wanted
    meta = brief(answer.meta, detail)
    found = [one for one in answer.data if venue in {None, one.venue}]
    found = [one for one in found if symbol in {None, one.symbol}]
    found.sort(key=lambda one: -(one.last_trade or 0))

    def make(most: int) -> MarketsDigestAnswer:
        shown = [_row(one) for one in found[:most]]
        digest = MarketsDigest(
            summary=_words(found),
            rows=shown,
            rows_total=len(found),
            rows_returned=len(shown),
            left_out=left_out(len(shown), len(found), "markets", answer.meta, meta),
        )
        return MarketsDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(found), detail, rows)


def _row(one: Market) -> MarketRow:
    return one.venue, one.symbol, one.tick, one.lot, one.since, one.last_trade, one.book


def _words(found: list[Market]) -> str:
    if not found:
        return "No such market is collected here."
    venues = sorted({one.venue for one in found})
    synced = sum(one.book == "synced" for one in found)
    return f"{len(found)} markets of {', '.join(venues)}; {synced} books are in sync."
