"""A volume profile in short: facts in words, and the rows that carry information.

Rows are chosen by what they tell, never by where they stand: the point of control, the edges of the
value area, then the most volume.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.figures import rounded
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.schemas import NodeOut, Profile, ProfileAnswer, ProfileFacts, Row

_MOST_NODES: Final = 5


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
    left_out: list[str]


class ProfileDigestAnswer(Wire):
    """Answer of get_volume_profile."""

    data: ProfileDigest
    meta: Meta


def profile_digest(
    answer: ProfileAnswer, detail: Detail, max_rows: int | None
) -> ProfileDigestAnswer:
    """Shorten a profile to its telling rows, to none, or to all of them."""
    profile, meta = answer.data, brief(answer.meta, detail)
    telling = _by_weight(profile)

    def make(most: int) -> ProfileDigestAnswer:
        rows = sorted(telling[:most], key=lambda row: Decimal(row.low))
        covered = sum((_volume(row) for row in rows), Decimal(0))
        digest = ProfileDigest(
            **profile.model_dump(include=set(ProfileFacts.model_fields)),
            hvn=_lows(profile.hvn, detail),
            lvn=_lows(profile.lvn, detail),
            rows=[(row.low, row.buy, row.sell) for row in rows],
            summary=_words(profile),
            rows_returned=len(rows),
            volume_covered_pct=percent(covered, Decimal(profile.volume)),
            left_out=[
                *left_out(len(rows), len(telling), "rows", answer.meta, meta),
                *_nodes_left(profile, detail),
            ],
        )
        return ProfileDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


def percent(part: Decimal, whole: Decimal) -> str | None:
    """Write a share in percent with two decimals, or None of nothing."""
    return format(rounded(part * 100, whole, 2), "f") if whole else None


def _lows(found: Sequence[NodeOut] | None, detail: Detail) -> list[str] | None:
    most = None if detail == "full" else _MOST_NODES
    return None if found is None else [node.low for node in found[:most]]


def _nodes_left(profile: Profile, detail: Detail) -> list[str]:
    nodes = {"hvn": profile.hvn, "lvn": profile.lvn}
    return [
        f"{_MOST_NODES} of {len(found)} {name} shown"
        for name, found in nodes.items()
        if detail != "full" and found is not None and len(found) > _MOST_NODES
    ]


def _volume(row: Row) -> Decimal:
    return Decimal(row.buy) + Decimal(row.sell)


def _by_weight(profile: Profile) -> list[Row]:
    """Return the rows, the most telling first."""
    area = profile.value_area
    poc = profile.poc.low if profile.poc else None

    def weight(row: Row) -> tuple[bool, bool, Decimal]:
        inside = row.low != area.val and row.high != area.vah
        return row.low != poc, inside, -_volume(row)

    return sorted(profile.rows, key=weight)


def _words(profile: Profile) -> str:
    poc, area = profile.poc, profile.value_area
    if poc is None:
        return "Nothing traded in this range, as far as is known."
    delta = Decimal(profile.delta)
    share = percent(abs(delta), Decimal(profile.volume))
    more, less = ("buys", "sells") if delta >= 0 else ("sells", "buys")
    return (
        f"{profile.volume} {profile.unit} traded between {profile.low} and {profile.high}. "
        f"Most in the row from {poc.low} to {poc.high} ({poc.volume} {profile.unit}). "
        f"{area.reached_pct} % of it between {area.val} and {area.vah} ({area.method}). "
        f"Taker {more} exceed {less} by {abs(delta)} {profile.unit}, {share} % of volume."
    )
