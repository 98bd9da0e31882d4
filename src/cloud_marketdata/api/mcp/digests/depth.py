"""A book in short: best quotes, what lies between them, and the levels next to them."""

from collections.abc import Sequence

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.schemas import Depth, DepthAnswer, DepthFacts, Level


class DepthDigest(DepthFacts):
    """A book in short. Each level is [price, size]; bids descend, asks ascend."""

    summary: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class DepthDigestAnswer(Wire):
    """Answer of get_market_depth."""

    data: DepthDigest
    meta: Meta


def depth_digest(answer: DepthAnswer, detail: Detail, max_rows: int | None) -> DepthDigestAnswer:
    """Shorten a book to its best levels a side, to none, or to all that were asked for."""
    depth, meta = answer.data, brief(answer.meta, detail)
    longest = max(len(depth.bids), len(depth.asks))
    total = len(depth.bids) + len(depth.asks)

    def make(most: int) -> DepthDigestAnswer:
        bids, asks = _levels(depth.bids[:most]), _levels(depth.asks[:most])
        shown = len(bids) + len(asks)
        digest = DepthDigest(
            **dict(depth) | {"bids": bids, "asks": asks},
            summary=_words(depth),
            rows_total=total,
            rows_returned=shown,
            left_out=left_out(shown, total, "levels", answer.meta, meta),
        )
        return DepthDigestAnswer(data=digest, meta=meta)

    return fitted(make, longest, detail, max_rows)


def _words(depth: Depth) -> str:
    if depth.best_bid is None or depth.best_ask is None:
        return "One side of the book is empty."
    return (
        f"Best bid {depth.best_bid.price}, best ask {depth.best_ask.price} {depth.quote_unit}, "
        f"spread {depth.spread} ({depth.spread_bps} bp). In the best {len(depth.bids)} bid and "
        f"{len(depth.asks)} ask levels rest {depth.bid_size} and {depth.ask_size} {depth.unit}."
    )


def _levels(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(level.price, level.size) for level in levels]
