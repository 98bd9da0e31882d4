"""An aggregate as canonical bytes: equal aggregates give equal bytes, on any machine.

The bar is one short column, the profile seven columns of its rows in ascending order. The scale of
both is the instrument's; an aggregate that says otherwise is a bug and raises ValueError.
"""

import msgspec
import numpy as np
from msgspec.structs import astuple

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.columns import Columns
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.packing.columns import (
    IdColumn,
    IntColumn,
    pack_ids,
    pack_ints,
    unpack_ids,
    unpack_ints,
    unpack_wide,
)
from cloud_marketdata.storage.packing.envelope import (
    pack_instrument,
    reading,
    seal,
    unpack_instrument,
    unseal,
)

_BAR_INTS = 13
_SPAN_INTS = 7
_PROFILE_COLUMNS = 7


class SpanBlock(msgspec.Struct, array_like=True):
    """Ids of the first and last trade, the integers of the span, and the sorted off-book kinds."""

    ids: IdColumn
    ints: IntColumn
    off_book: list[tuple[str, int]]


class ProfileBlock(msgspec.Struct, array_like=True):
    """`count` rows as seven columns: the row, then its six cells."""

    row_ticks: int
    count: int
    columns: list[IntColumn]


class AggregateBlock(msgspec.Struct, tag="aggregate", array_like=True):
    """All that an aggregate is."""

    instrument: bytes
    timeframe: Timeframe
    start: int
    position: int
    final: bool
    revision: int
    late: int
    bar: IntColumn | None
    span: SpanBlock | None
    profile: ProfileBlock


_decoder = msgspec.msgpack.Decoder(AggregateBlock)


def pack_aggregate(aggregate: Aggregate) -> bytes:
    """Encode an aggregate; raises ValueError where its profile is on another scale."""
    if aggregate.profile.scale != aggregate.scale:
        msg = "an aggregate and its profile are counted on one scale"
        raise ValueError(msg)
    return seal(
        AggregateBlock(
            instrument=pack_instrument(aggregate.instrument),
            timeframe=aggregate.timeframe,
            start=aggregate.start,
            position=aggregate.position,
            final=aggregate.final,
            revision=aggregate.revision,
            late=aggregate.late,
            bar=_pack_bar(aggregate.bar) if aggregate.bar else None,
            span=_pack_span(aggregate.span) if aggregate.span else None,
            profile=_pack_profile(aggregate.profile),
        )
    )


def unpack_aggregate(data: bytes) -> Aggregate:
    """Decode what `pack_aggregate` wrote; raises StorageError on an unknown version or damage."""
    block = unseal(data, _decoder)
    with reading():
        return _unpacked(block)


def _unpacked(block: AggregateBlock) -> Aggregate:
    aggregate = Aggregate(unpack_instrument(block.instrument), block.timeframe, block.start)
    aggregate.position, aggregate.final = block.position, block.final
    aggregate.revision, aggregate.late = block.revision, block.late
    if block.bar is not None:
        aggregate.bar = _unpack_bar(block.bar)
    if block.span is not None:
        aggregate.span = _unpack_span(block.span)
    aggregate.profile = _unpack_profile(aggregate.scale, block.profile)
    return aggregate


def _unpack_profile(scale: Scale, block: ProfileBlock) -> VolumeProfile:
    count = block.count
    if not count:
        return VolumeProfile(scale, block.row_ticks)
    if len(block.columns) != _PROFILE_COLUMNS:
        msg = f"a profile of {len(block.columns)} columns where {_PROFILE_COLUMNS} are due"
        raise ValueError(msg)
    wide = [column for column in block.columns if not isinstance(column, list)]
    if len(wide) == _PROFILE_COLUMNS:
        table = np.empty((_PROFILE_COLUMNS, count), dtype=np.int64)
        for at, column in enumerate(wide):
            table[at] = unpack_wide(column, count)
        return VolumeProfile(scale, block.row_ticks, columns=Columns.kept(table))
    row, *cells = (unpack_ints(column, count) for column in block.columns)
    rows = dict(zip(row, map(list, zip(*cells, strict=True)), strict=True))
    return VolumeProfile(scale, block.row_ticks, rows)


def _pack_bar(bar: Bar) -> IntColumn:
    *fields, open_key, close_key = astuple(bar)
    return pack_ints((*fields, *open_key, *close_key))


def _unpack_bar(column: IntColumn) -> Bar:
    values = unpack_ints(column, _BAR_INTS)
    open_at, open_sequence, close_at, close_sequence = values[9:]
    keys = (open_at, open_sequence), (close_at, close_sequence)
    fields = dict(zip(Bar.__struct_fields__, (*values[:9], *keys), strict=True))
    return Bar(**fields)  # type: ignore[arg-type]  # nine integers and two keys, as declared


def _pack_span(span: TapeSpan) -> SpanBlock:
    (*first, first_id), (*last, last_id) = span.first, span.last
    ints = pack_ints((*first, *last, span.low, span.high, span.trades))
    return SpanBlock(pack_ids((first_id, last_id)), ints, sorted(span.off_book.items()))


def _unpack_span(block: SpanBlock) -> TapeSpan:
    first_id, last_id = unpack_ids(block.ids, 2)
    ints = unpack_ints(block.ints, _SPAN_INTS)
    first_at, first_sequence, last_at, last_sequence, low, high, trades = ints
    first, last = (first_at, first_sequence, first_id), (last_at, last_sequence, last_id)
    return TapeSpan(first, last, low, high, trades, dict(block.off_book))


def _pack_profile(profile: VolumeProfile) -> ProfileBlock:
    table = profile.table() if len(profile) else [[]]
    return ProfileBlock(profile.row_ticks, len(profile), [pack_ints(one) for one in table])
