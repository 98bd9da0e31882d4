"""A composite profile as a table: the total of each row, and what each venue has in it."""

from decimal import Decimal

from cloud_marketdata.api.composite.schemas import (
    CompositeProfile,
    CompositeProfileAnswer,
    CompositeRow,
    VenueTotals,
)
from cloud_marketdata.api.mcp.digests.comparison import Facts, Line, Table, quality_facts


def compared_profile(answer: CompositeProfileAnswer) -> Table:
    """Return the table of a composite profile; a venue's cell is buys + sells in the row."""
    profile = answer.data
    control = profile.poc.low if profile.poc else None
    volumes = [Decimal(row.buy) + Decimal(row.sell) for row in profile.rows]
    return Table(
        head={
            "what": "profile",
            "symbol": profile.symbol,
            "venues": profile.venues,
            "unit": profile.unit,
            "quote_unit": profile.quote_unit,
            "summary": _words(profile),
        },
        facts=_facts(profile),
        by_venue={venue: _share(one) for venue, one in profile.by_venue.items()},
        columns=["low", "buy", "sell", *profile.venues],
        rows=[_row(row, profile.venues) for row in profile.rows],
        telling=sorted(
            range(len(volumes)), key=lambda at: (profile.rows[at].low != control, -volumes[at])
        ),
        meta=answer.meta,
    )


def _facts(profile: CompositeProfile) -> Facts:
    area = profile.value_area
    return {
        "volume": profile.volume,
        "buy": profile.buy,
        "sell": profile.sell,
        "delta": profile.delta,
        "vwap": profile.vwap,
        "high": profile.high,
        "low": profile.low,
        "poc": profile.poc.low if profile.poc else None,
        "val": area.val,
        "vah": area.vah,
        "row_size": profile.row_size,
    }


def _share(one: VenueTotals) -> Facts:
    return {
        "volume": one.volume,
        "share_pct": one.share_pct,
        "delta": one.delta,
        "vwap": one.vwap,
        "poc": one.poc.low if one.poc else None,
        **quality_facts(one.quality),
    }


def _row(row: CompositeRow, venues: list[str]) -> Line:
    shares = [row.by_venue.get(venue) for venue in venues]
    cells = ["0" if s is None else format(Decimal(s.buy) + Decimal(s.sell), "f") for s in shares]
    return [row.low, row.buy, row.sell, *cells]


def _words(profile: CompositeProfile) -> str:
    if profile.poc is None:
        return "Nothing traded in this range, as far as is known."
    shares = ", ".join(f"{one.share_pct} % {venue}" for venue, one in profile.by_venue.items())
    controls = {one.poc.low for one in profile.by_venue.values() if one.poc}
    alike = "all share" if len(controls) == 1 else "not all share"
    return (
        f"{profile.volume} {profile.unit} traded: {shares}. Most from {profile.poc.low} on; "
        f"the venues {alike} one point of control."
    )
