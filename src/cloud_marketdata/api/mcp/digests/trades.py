"""What the tape brought in one call, in short: sums in words, and the largest taker orders."""

from typing import Any, Literal

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.mcp.tape.cursors import encode
from cloud_marketdata.api.mcp.tape.desk import Piece
from cloud_marketdata.api.mcp.tape.orders import OrderRow, Wanted, sums
from cloud_marketdata.api.times import iso
from cloud_marketdata.api.units import units_of
from cloud_marketdata.domain.values import NS_PER_MS


class TapeDigest(Wire):
    """Trades behind a cursor as taker orders; sums are of all of them, whatever was filtered.

    Each row is [match time, side, low, high, size, notional, trades, first id, last id], in the
    order of the log. missing: trades proven never given between the two cursors, null where ids
    prove nothing.
    """

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    summary: str
    complete: Literal["full", "timeout", "feed_down"]
    feed: str
    count: int
    buy: str
    sell: str
    delta: str
    vwap: str | None
    high: str | None
    low: str | None
    off_book: int
    missing: int | None
    filled: int
    loss: str
    continues: bool
    as_of: str | None
    age_ms: int | None
    waited_ms: int
    rows: list[OrderRow]
    rows_total: int
    rows_returned: int
    left_out: list[str]
    next_cursor: str


class TapeDigestAnswer(Wire):
    """Answer of stream_trades."""

    data: TapeDigest
    meta: Meta


def tape_digest(
    piece: Piece, wanted: Wanted, detail: Detail, max_rows: int | None
) -> TapeDigestAnswer:
    """Shorten what came to its largest orders, to none, or to all that are wanted."""
    meta = brief(piece.meta, detail)
    shown, every = piece.orders.wanted(wanted), len(piece.orders.taken)
    telling = sorted(shown, key=lambda one: -one.quote)
    facts = _facts(piece)

    def make(most: int) -> TapeDigestAnswer:
        rows = [one.row for one in sorted(telling[:most])]
        left = left_out(len(rows), len(telling), "orders", piece.meta, meta)
        digest = TapeDigest(
            **facts,
            rows=rows,
            rows_total=len(telling),
            rows_returned=len(rows),
            left_out=[*left, *_filtered(every - len(telling))],
        )
        return TapeDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


def _facts(piece: Piece) -> dict[str, Any]:
    market, units = piece.instrument, units_of(piece.instrument.symbol)
    newest = max((trade.exchange_time for trade in piece.pulled.trades), default=None)
    found = sums(piece.orders)
    return {
        "venue": market.venue.value,
        "symbol": market.symbol,
        "unit": units.base,
        "quote_unit": units.quote,
        "summary": _words(piece, found, units.base),
        "complete": piece.pulled.complete,
        "feed": piece.pulled.feed.words,
        **found,
        "off_book": piece.orders.off_book,
        "missing": piece.lost.missing,
        "filled": piece.lost.filled,
        "loss": piece.lost.words,
        "continues": piece.continues,
        "as_of": None if newest is None else iso(newest),
        "age_ms": None if newest is None else max(0, piece.now - newest) // NS_PER_MS,
        "waited_ms": int(piece.waited_s * 1000),
        "next_cursor": encode(piece.cursor),
    }


def _filtered(gone: int) -> list[str]:
    return [f"{gone} orders do not pass the filter; the sums have them"] if gone else []


def _words(piece: Piece, found: dict[str, str | int | None], unit: str) -> str:
    if not piece.orders.taken:
        return f"No trade came. {piece.pulled.feed.words}."
    return (
        f"{found['count']} trades in {len(piece.orders.taken)} taker orders: bought "
        f"{found['buy']}, sold {found['sell']} {unit}, delta {found['delta']}; between "
        f"{found['low']} and {found['high']}, vwap {found['vwap']}."
    )
