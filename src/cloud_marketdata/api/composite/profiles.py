"""A profile over venues: the exact sum of theirs on one grid, with every venue's share beside it.

The grid is the coarsest that holds the prices of all, so nothing is rounded and the order of the
venues means nothing. Each part is described in the rows of the whole; so row by row, and in total,
the shares add up to it to the digit.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cloud_marketdata.api.composite.questions import CompositeProfileQuestion
from cloud_marketdata.api.composite.schemas import (
    CompositeProfile,
    CompositeRow,
    Share,
    VenueTotals,
)
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.envelope import QualityOut
from cloud_marketdata.api.flow.bars import percent
from cloud_marketdata.api.profiles import profile_data, profile_method
from cloud_marketdata.api.schemas import Profile, Row
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import EXACT, Timeframe, Venue

CLOCK: Final = "match times of each venue's own clock, not shifted"
_TOTALS: Final = frozenset(VenueTotals.model_fields) - {"share_pct", "quality"}
_WHOLE: Final = frozenset(CompositeProfile.model_fields) - {"venues", "by_venue", "rows"}


def composite_profile(
    readings: Mapping[Venue, Reading],
    instruments: Mapping[Venue, Instrument],
    qualities: Mapping[Venue, Quality],
    question: CompositeProfileQuestion,
) -> tuple[CompositeProfile, dict[str, str | int]]:
    """Return the profile and how it was made; raises what `profile_data` raises."""
    sums = {venue: _sum(instruments[venue], reading) for venue, reading in readings.items()}
    common = _on_one_grid(sums)
    first = next(iter(common))
    asked = question.of(first)
    whole = profile_data(common[first].instrument, list(common.values()), asked)
    rows = asked.model_copy(update={"row_ticks": whole.row_ticks})
    parts = {venue: profile_data(one.instrument, [one], rows) for venue, one in common.items()}
    data = CompositeProfile(
        **_fields(whole, _WHOLE),
        venues=[venue.value for venue in parts],
        by_venue={
            venue.value: _totals(part, whole, qualities[venue]) for venue, part in parts.items()
        },
        rows=_rows(whole, parts),
    )
    return data, profile_method(whole) | {"grid": "coarsest common", "clock": CLOCK}


def _sum(instrument: Instrument, reading: Reading) -> Aggregate:
    """Return what one venue traded; ids of different venues cannot be put in order, so none."""
    whole = combined(reading.parts, Timeframe.D1, 0)
    bare = Aggregate(whole.instrument if whole else instrument, Timeframe.D1, 0)
    if whole:
        bare.bar, bare.profile = whole.bar, whole.profile
    return bare


def _on_one_grid(sums: Mapping[Venue, Aggregate]) -> dict[Venue, Aggregate]:
    scales = [one.scale for one in sums.values()]
    scale = scales[0]
    for other in scales[1:]:
        scale = scale.meet(other)
    return {
        venue: one.rescaled(Instrument(venue, one.instrument.symbol, scale))
        for venue, one in sums.items()
    }


def _totals(part: Profile, whole: Profile, quality: Quality) -> VenueTotals:
    mine, all_of_it = _whole_number(part.volume, whole), _whole_number(whole.volume, whole)
    return VenueTotals(
        **_fields(part, _TOTALS),
        share_pct=percent(mine, all_of_it),
        quality=QualityOut.of(quality),
    )


def _whole_number(volume: str, whole: Profile) -> int:
    """Return a volume as a count of the last decimal that the answer's volumes have."""
    places = len(whole.volume.partition(".")[2])
    return int(Decimal(volume).scaleb(places, EXACT))


def _rows(whole: Profile, parts: Mapping[Venue, Profile]) -> list[CompositeRow]:
    by_venue = {venue: {row.low: row for row in part.rows} for venue, part in parts.items()}
    return [
        CompositeRow(
            **_fields(row, frozenset(CompositeRow.model_fields) - {"by_venue"}),
            by_venue={
                venue.value: _share(rows[row.low])
                for venue, rows in by_venue.items()
                if row.low in rows
            },
        )
        for row in whole.rows
    ]


def _share(row: Row) -> Share:
    return Share(**_fields(row, frozenset(Share.model_fields)))


def _fields(model: Profile | Row, names: frozenset[str]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in names}
