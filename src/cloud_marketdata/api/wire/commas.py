"""A table as CSV (RFC 4180): a header line, exact numbers as they are, nothing for null."""

import csv
import io

from cloud_marketdata.api.wire.columns import Kind
from cloud_marketdata.api.wire.tables import Table


def as_csv(table: Table) -> bytes:
    """Return the text in UTF-8; flags are written true and false."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    columns = [
        _flags(column.values(table.rows)) if column.kind is Kind.FLAG else column.values(table.rows)
        for column in table.columns
    ]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _flags(values: list[bool | None]) -> list[str | None]:
    return [None if value is None else str(value).lower() for value in values]
