"""A table over venues in short, whatever is compared: facts, each venue's share, telling rows."""

from typing import Literal, NamedTuple

from cloud_marketdata.api.envelope import Meta, QualityOut, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out

Cell = str | int | float | bool | None
Facts = dict[str, Cell]
Line = list[Cell]


class Comparison(Wire):
    """One symbol over venues. `rows` ascend by their first cell; `columns` name their cells."""

    what: Literal["profile", "order_flow", "lead_lag"]
    symbol: str
    venues: list[str]
    unit: str | None
    quote_unit: str | None
    summary: str
    facts: Facts
    by_venue: dict[str, Facts]
    columns: list[str]
    rows: list[Line]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class ComparisonAnswer(Wire):
    """Answer of compare_venues."""

    data: Comparison
    meta: Meta


class Table(NamedTuple):
    """What is compared.

    head: the fields of Comparison before `facts`. telling: row numbers, the most telling first.
    """

    head: dict[str, object]
    facts: Facts
    by_venue: dict[str, Facts]
    columns: list[str]
    rows: list[Line]
    telling: list[int]
    meta: Meta


def comparison(table: Table, detail: Detail, max_rows: int | None) -> ComparisonAnswer:
    """Shorten a table to its telling rows, to none, or to all of them."""
    meta = brief(table.meta, detail)
    total = len(table.rows)

    def make(most: int) -> ComparisonAnswer:
        rows = [table.rows[number] for number in sorted(table.telling[:most])]
        data = Comparison.model_validate(
            {
                **table.head,
                "facts": table.facts,
                "by_venue": table.by_venue,
                "columns": table.columns,
                "rows": rows,
                "rows_total": total,
                "rows_returned": len(rows),
                "left_out": left_out(len(rows), total, "rows", table.meta, meta),
            }
        )
        return ComparisonAnswer(data=data, meta=meta)

    return fitted(make, total, detail, max_rows)


def quality_facts(quality: QualityOut) -> Facts:
    """Return how good one venue's part is."""
    return {
        "coverage": quality.coverage,
        "staleness_ms": quality.staleness_ms,
        "gaps_total": quality.gaps_total,
    }
