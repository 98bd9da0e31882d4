"""The rows of a profile, from columns of integers to what an answer holds."""

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.api.profile_text import Table, rows_json
from cloud_marketdata.api.schemas import Row
from cloud_marketdata.api.unread import Unread
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import Row as ProfileRow
from cloud_marketdata.domain.profile import VolumeProfile

_ROWS: Final = TypeAdapter(list[Row])


class ProfileRows(Unread[Row]):
    """Rows of one profile, ascending.

    table: seven columns of 64-bit integers, as in `domain.columns`; rows are `row_ticks` wide.
    """

    __slots__ = ("row_ticks", "scale", "table")

    def __init__(self, table: Table, scale: Scale, row_ticks: int, json: bytes) -> None:
        super().__init__(json, int(table.shape[1]), _ROWS)
        self.table = table
        self.scale = scale
        self.row_ticks = row_ticks


def profile_rows(profile: VolumeProfile) -> Sequence[Row]:
    """Return the rows of a profile, unread unless an integer is beyond 64 bits."""
    columns = profile.columns()
    if columns is not None:
        text = rows_json(columns.table, profile.scale, profile.row_ticks)
        if text is not None:
            return ProfileRows(columns.table, profile.scale, profile.row_ticks, text)
    return [row_model(profile, row) for row in profile.rows()]


def row_model(profile: VolumeProfile, row: ProfileRow) -> Row:
    """Write one row of a profile."""
    scale, width = profile.scale, profile.row_ticks
    return Row(
        low=price_text(scale, row.row * width),
        high=price_text(scale, row.row * width + width - 1),
        buy=size_text(scale, row.buy),
        sell=size_text(scale, row.sell),
        delta=size_text(scale, row.buy - row.sell),
        buy_count=row.buy_count,
        sell_count=row.sell_count,
    )
