"""Answers made short for a language model: facts in words, and the rows that carry information.

Rows are chosen by what they tell, never by where they stand: the point of control, the edges of the
value area, then the most volume; what was left out is said in numbers.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.figures import rounded
from cloud_marketdata.api.schemas import (
    Depth,
    DepthAnswer,
    DepthFacts,
    Level,
    NodeOut,
    Profile,
    ProfileAnswer,
    ProfileFacts,
    Row,
)

Detail = Literal["summary", "rows", "full"]


class ProfileDigest(ProfileFacts):
    """A profile in short. `rows` ascend; each is [low price, buy size, sell size].

    `hvn` and `lvn` are the lowest prices of the nodes' rows, the most telling first.
    """

    summary: str
    hvn: list[str] | None
    lvn: list[str] | None
    rows: list[tuple[str, str, str]]
    rows_returned: int
    volume_covered_pct: str | None


class ProfileDigestAnswer(Wire):
    """Answer of get_volume_profile."""

    data: ProfileDigest
    meta: Meta


class DepthDigest(DepthFacts):
    """A book in short. Each level is [price, size]; bids descend, asks ascend."""

    summary: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class DepthDigestAnswer(Wire):
    """Answer of get_market_depth."""

    data: DepthDigest
    meta: Meta


def profile_digest(answer: ProfileAnswer, detail: Detail, max_rows: int) -> ProfileDigestAnswer:
    """Shorten a profile to `max_rows` telling rows, to none, or to all of them."""
    profile = answer.data
    most = {"summary": 0, "rows": max_rows, "full": len(profile.rows)}[detail]
    rows = _telling(profile, most)
    covered = sum((Decimal(row.buy) + Decimal(row.sell) for row in rows), Decimal(0))
    digest = ProfileDigest(
        **profile.model_dump(include=set(ProfileFacts.model_fields)),
        hvn=_lows(profile.hvn),
        lvn=_lows(profile.lvn),
        rows=[(row.low, row.buy, row.sell) for row in rows],
        summary=_profile_words(profile),
        rows_returned=len(rows),
        volume_covered_pct=_percent(covered, Decimal(profile.volume)),
    )
    return ProfileDigestAnswer(data=digest, meta=answer.meta)


def depth_digest(answer: DepthAnswer, detail: Detail, max_rows: int) -> DepthDigestAnswer:
    """Shorten a book to its best `max_rows` levels a side, to none, or to all of them."""
    depth = answer.data
    most = {"summary": 0, "rows": max_rows, "full": max(len(depth.bids), len(depth.asks))}[detail]
    sides = {"bids": _levels(depth.bids[:most]), "asks": _levels(depth.asks[:most])}
    digest = DepthDigest(**dict(depth) | sides, summary=_depth_words(depth))
    return DepthDigestAnswer(data=digest, meta=answer.meta)


def _lows(found: Sequence[NodeOut] | None) -> list[str] | None:
    return None if found is None else [node.low for node in found]


def _telling(profile: Profile, most: int) -> list[Row]:
    """Return the most telling rows, ascending."""
    area = profile.value_area
    poc = profile.poc.low if profile.poc else None

    def telling(row: Row) -> tuple[bool, bool, Decimal]:
        return (
            row.low != poc,
            row.low != area.val and row.high != area.vah,
            -(Decimal(row.buy) + Decimal(row.sell)),
        )

    chosen = sorted(profile.rows, key=telling)[:most]
    return sorted(chosen, key=lambda row: Decimal(row.low))


def _profile_words(profile: Profile) -> str:
    poc, area = profile.poc, profile.value_area
    if poc is None:
        return "Nothing traded in this range, as far as is known."
    delta = Decimal(profile.delta)
    share = _percent(abs(delta), Decimal(profile.volume))
    more, less = ("buys", "sells") if delta >= 0 else ("sells", "buys")
    return (
        f"{profile.volume} {profile.unit} traded between {profile.low} and {profile.high}. "
        f"Most in the row from {poc.low} to {poc.high} ({poc.volume} {profile.unit}). "
        f"{area.reached_pct} % of it between {area.val} and {area.vah} ({area.method}). "
        f"Taker {more} exceed {less} by {abs(delta)} {profile.unit}, {share} % of volume."
    )


def _depth_words(depth: Depth) -> str:
    if depth.best_bid is None or depth.best_ask is None:
        return "One side of the book is empty."
    return (
        f"Best bid {depth.best_bid.price}, best ask {depth.best_ask.price} {depth.quote_unit}, "
        f"spread {depth.spread} ({depth.spread_bps} bp). In the best {len(depth.bids)} bid and "
        f"{len(depth.asks)} ask levels rest {depth.bid_size} and {depth.ask_size} {depth.unit}."
    )


def _levels(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(level.price, level.size) for level in levels]


def _percent(part: Decimal, whole: Decimal) -> str | None:
    return format(rounded(part * 100, whole, 2), "f") if whole else None
