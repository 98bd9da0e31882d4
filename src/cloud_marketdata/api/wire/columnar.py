"""A table as Parquet (zstd) or as an Arrow IPC stream.

Exact numbers become decimal128 of 38 digits with as many decimals as the column needs: what does
not fit is refused, never rounded. `meta` and `data` are JSON text in the schema's metadata. PyArrow
takes a third of a second to import, so it is imported with the first table that is asked for.
"""

from decimal import Decimal
from typing import Any, ClassVar, Final

from cloud_marketdata.api.wire.columns import Column, Kind
from cloud_marketdata.api.wire.tables import Table
from cloud_marketdata.core.errors import BadRequestError

DIGITS: Final = 38


class TooPreciseError(BadRequestError):
    """A column has more digits than a decimal128 holds."""

    code: ClassVar[str] = "too_precise"
    status: ClassVar[int] = 406


def as_parquet(table: Table) -> bytes:
    """Return a Parquet file; raises TooPreciseError."""
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415  # see the module
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415  # same

    sink = pa.BufferOutputStream()
    pq.write_table(arrow_table(table), sink, compression="zstd")
    return bytes(sink.getvalue())


def as_arrow(table: Table) -> bytes:
    """Return an Arrow IPC stream; raises TooPreciseError."""
    import pyarrow as pa  # noqa: PLC0415  # see the module

    made = arrow_table(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return bytes(sink.getvalue())


def arrow_table(table: Table) -> Any:  # noqa: ANN401  pyarrow ships no types
    """Return a pyarrow.Table; raises TooPreciseError."""
    import pyarrow as pa  # noqa: PLC0415  # see the module

    arrays = [_array(column, column.values(table.rows)) for column in table.columns]
    names = [column.name for column in table.columns]
    return pa.table(arrays, names=names).replace_schema_metadata(table.beside)


def _array(column: Column, values: list[Any]) -> object:
    import pyarrow as pa  # noqa: PLC0415  # see the module

    if column.kind is Kind.DECIMAL:
        return _decimals(column.name, values)
    kinds = {
        Kind.INTEGER: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.TEXT: pa.string(),
        Kind.JSON: pa.string(),
    }
    return pa.array(values, kinds[column.kind])


def _decimals(name: str, texts: list[str | None]) -> object:
    import pyarrow as pa  # noqa: PLC0415  # see the module

    numbers = [None if text is None else Decimal(text) for text in texts]
    scale = max((_scale(number) for number in numbers if number is not None), default=0)
    try:
        return pa.array(numbers, pa.decimal128(DIGITS, scale))
    except (pa.ArrowInvalid, ValueError):
        msg = f"{name} has more digits than {DIGITS}; ask for json or csv, which hold them all"
        raise TooPreciseError(msg) from None


def _scale(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
