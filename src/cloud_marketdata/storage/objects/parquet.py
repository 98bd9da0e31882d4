"""The Parquet form of a day: one row group of seven columns, and the rest in the footer.

pyarrow is imported inside the functions: it takes longer to import than all else together, and only
the cold tier needs it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import Row, VolumeProfile
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import Timeframe

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

_FORMAT = "1"
_DECIMAL_DIGITS = 38


class _Day(msgspec.Struct):
    """What the footer says under the key `aggregate`, as JSON."""

    instrument: Instrument
    start: int
    position: int
    revision: int
    late: int
    row_ticks: int
    bar: Bar | None
    span: TapeSpan | None


def write_day(aggregate: Aggregate) -> bytes:
    """Encode a closed day."""
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415  # both as above

    rows = aggregate.profile.rows()
    columns = list(zip(*rows, strict=True)) or [()] * len(Row._fields)
    table = pa.table(dict(zip(Row._fields, map(_column, columns), strict=True)))
    table = table.replace_schema_metadata(_footer(aggregate, columns))
    whole = [field.name for field in table.schema if pa.types.is_int64(field.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=max(1, len(rows)),
        compression="zstd",
        use_dictionary=False,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED") or None,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def read_day(data: bytes) -> Aggregate:
    """Decode what `write_day` wrote; raises StorageError on damage or another format."""
    table = _read(data)
    footer = table.schema.metadata
    try:
        columns = [list(map(int, table.column(name).to_pylist())) for name in Row._fields]
        intact = footer[b"seal"].decode() == _seal(footer[b"aggregate"], columns)
        day = msgspec.json.decode(footer[b"aggregate"], type=_Day)
    except (KeyError, ValueError, TypeError) as error:
        msg = f"a day's object is damaged: {error}"
        raise StorageError(msg) from error
    if not intact:
        msg = "a day's object is damaged: its seal is broken"
        raise StorageError(msg)
    return _assembled(day, columns)


def read_hash(data: bytes) -> str:
    """Return the SHA-256 of the content as the footer names it."""
    footer = _read(data).schema.metadata
    return str(footer.get(b"sha256", b"").decode(errors="replace"))


def _read(data: bytes) -> Any:  # noqa: ANN401  # pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module
    import pyarrow.parquet as pq  # noqa: PLC0415  # same

    try:
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        msg = f"a day's object is damaged: {error}"
        raise StorageError(msg) from error
    if (table.schema.metadata or {}).get(b"format") != _FORMAT.encode():
        msg = f"an object is not a day's profile of format {_FORMAT}"
        raise StorageError(msg)
    return table


def _column(values: tuple[int, ...]) -> "pa.Array":
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module

    widest = max(map(abs, values), default=0)
    if widest < 1 << 63:
        return pa.array(values, pa.int64())
    if widest < 10**_DECIMAL_DIGITS:
        return pa.array(map(Decimal, values), pa.decimal128(_DECIMAL_DIGITS, 0))
    return pa.array(map(str, values), pa.string())


def _footer(aggregate: Aggregate, columns: Iterable[Sequence[int]]) -> dict[str, str]:
    day = _Day(
        instrument=aggregate.instrument,
        start=aggregate.start,
        position=aggregate.position,
        revision=aggregate.revision,
        late=aggregate.late,
        row_ticks=aggregate.profile.row_ticks,
        bar=aggregate.bar,
        span=aggregate.span,
    )
    said = msgspec.json.encode(day)
    return {
        "format": _FORMAT,
        "tick": str(aggregate.scale.tick),
        "lot": str(aggregate.scale.lot),
        "sha256": state_hash([aggregate]),
        "aggregate": said.decode(),
        "seal": _seal(said, columns),
    }


def _seal(said: bytes, columns: Iterable[Sequence[int]]) -> str:
    """Hash all that is read back, also what the content hash leaves out, and cheaply."""
    digest = hashlib.sha256(said)
    for column in columns:
        digest.update(b"\n" + ",".join(map(str, column)).encode())
    return digest.hexdigest()


def _assembled(day: _Day, columns: list[list[int]]) -> Aggregate:
    aggregate = Aggregate(day.instrument, Timeframe.D1, day.start)
    aggregate.position, aggregate.revision, aggregate.late = day.position, day.revision, day.late
    aggregate.final, aggregate.bar, aggregate.span = True, day.bar, day.span
    row, *cells = columns
    profile = dict(zip(row, map(list, zip(*cells, strict=True)), strict=True))
    aggregate.profile = VolumeProfile(aggregate.scale, day.row_ticks, profile)
    return aggregate
