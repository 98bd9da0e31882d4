"""A Parquet file of exact integers whose footer holds a seal over all that is read back.

An integer column is encoded by differences; one that is beyond 64 bits is a decimal, and text
beyond 38 digits: never a float, never cut. A damaged file, or one of another format, is refused.

pyarrow is imported inside the functions: it takes longer to import than all else together, and only
the cold tier needs it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloud_marketdata.core.errors import StorageError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

_DECIMAL_DIGITS: Final = 38
_SAID: Final = "aggregate"
"""The footer's key of the document that is not in the columns."""

Values = Sequence[int] | Sequence[str]


class Sealed(NamedTuple):
    """What one file holds.

    form: which kind of file, and its version. said: a JSON document for us. columns: equally long;
    those named in `words` are text, those in `times` epoch ms. about: what a reader without our
    code wants to know. groups: the rows at which a further row group begins.
    """

    form: str
    said: bytes
    columns: Mapping[str, Values]
    about: Mapping[str, str]
    words: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()


def write_sealed(sealed: Sealed) -> bytes:
    """Encode."""
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415  # both as above

    arrays = {name: _column(sealed, name) for name in sealed.columns}
    table = pa.table(arrays).replace_schema_metadata(_footer(sealed))
    wide = pa.string(), pa.decimal128(_DECIMAL_DIGITS, 0)
    whole = [name for name, array in arrays.items() if array.type not in wide]
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=list(sealed.words),
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED") or None,
        write_page_checksum=True,
    )
    with writer:
        for begin, end in pairwise((0, *sealed.groups, len(table))):
            writer.write_table(table.slice(begin, end - begin), max(1, end - begin))
    return bytes(sink.getvalue())


def read_sealed(data: bytes, form: str) -> tuple[bytes, dict[str, list[Any]]]:
    """Return the document and the columns; raises StorageError on damage or another format.

    Words come back as text, times as epoch ms, and numbers as what `int` takes.
    """
    table = _table(data)
    footer = table.schema.metadata or {}
    if footer.get(b"format") != form.encode():
        msg = f"it is not of format {form}"
        raise StorageError(msg)
    said = footer.get(_SAID.encode(), b"")
    try:
        columns = {name: _values(table.column(name)) for name in table.column_names}
    except (KeyError, ValueError, TypeError) as error:
        msg = f"it is damaged: {error}"
        raise StorageError(msg) from error
    if footer.get(b"seal", b"") != _seal(said, columns.values()).encode():
        msg = "it is damaged: its seal is broken"
        raise StorageError(msg)
    return said, columns


def _table(data: bytes) -> Any:  # noqa: ANN401  # pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module
    import pyarrow.parquet as pq  # noqa: PLC0415  # same

    try:
        return pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        msg = f"it is damaged: {error}"
        raise StorageError(msg) from error


def _column(sealed: Sealed, name: str) -> "pa.Array":
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module

    values = sealed.columns[name]
    if name in sealed.words:
        return pa.array(values, pa.string())
    if name in sealed.times:
        return pa.array(values, pa.timestamp("ms"))
    widest = max(map(abs, map(int, values)), default=0)
    if widest < 1 << 63:
        return pa.array(values, pa.int64())
    if widest < 10**_DECIMAL_DIGITS:
        return pa.array(map(Decimal, values), pa.decimal128(_DECIMAL_DIGITS, 0))
    return pa.array(map(str, values), pa.string())


def _values(column: Any) -> list[Any]:  # noqa: ANN401  # pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415  # slow to import; see the module

    timed = pa.types.is_timestamp(column.type)
    values: list[Any] = (column.cast(pa.int64()) if timed else column).to_pylist()
    return values


def _footer(sealed: Sealed) -> dict[str, str]:
    said = {"format": sealed.form, _SAID: sealed.said.decode()}
    return {**said, **sealed.about, "seal": _seal(sealed.said, sealed.columns.values())}


def _seal(said: bytes, columns: Iterable[Sequence[object]]) -> str:
    """Hash all that is read back, also what the content hash leaves out, and cheaply."""
    digest = hashlib.sha256(said)
    for column in columns:
        digest.update(b"\n" + ",".join(map(str, column)).encode())
    return digest.hexdigest()
