"""Which part of an answer is its table, for CSV, Parquet and Arrow.

Most tables are a list of the answer as it is; two are drawn out of nested ones: the levels of both
sides of a book, and the cells of all bars of a footprint. What stands beside the table (totals,
value area, method, quality) travels with it as text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from pydantic import BaseModel

from cloud_marketdata.api.composite.schemas import (
    CompositeBar,
    CompositeFlowAnswer,
    CompositeProfileAnswer,
    CompositeRow,
    LeadLagAnswer,
    LeadLagMinute,
)
from cloud_marketdata.api.coverages import CoverageAnswer, CoveragePiece
from cloud_marketdata.api.envelope import Wire
from cloud_marketdata.api.flow.schemas import (
    ActivityBarOut,
    ActivityBarsAnswer,
    FlowBar,
    FootprintAnswer,
    FootRowOut,
    OrderFlowAnswer,
)
from cloud_marketdata.api.profile_series.schemas import (
    DevelopingAnswer,
    DevelopingStep,
    NakedAnswer,
    NakedControl,
)
from cloud_marketdata.api.reconciliation.schemas import MinuteVerdict, ReconciliationAnswer
from cloud_marketdata.api.schemas import (
    Candle,
    CandlesAnswer,
    DepthAnswer,
    Level,
    Market,
    MarketsAnswer,
    ProfileAnswer,
    Row,
    Trade,
    TradesAnswer,
)
from cloud_marketdata.api.signals.schemas import AnomaliesAnswer, Anomaly
from cloud_marketdata.api.wire.columns import Column, columns_of


class _OfSide(Wire):
    side: Literal["bid", "ask"]


class _OfBar(Wire):
    open_time: int


class BookLevel(Level, _OfSide):
    """The side and a level of a book; bids descend, then asks ascend."""


class FootprintCell(FootRowOut, _OfBar):
    """The bar and a row of its footprint."""


class _Shape(NamedTuple):
    """The model of a table's rows, where they are, and the list of the answer they come from."""

    row: type[Wire]
    rows: Callable[[Any], Sequence[Wire]]
    inside: str | None = None


class Table(NamedTuple):
    """Columns and rows, and what stands beside them: JSON text by name."""

    columns: list[Column]
    rows: Sequence[Wire]
    beside: dict[str, bytes]


def table_of(answer: BaseModel) -> Table:
    """Return the table of an answer of one of the classes in TABLES."""
    shape = TABLES[type(answer)]
    rows = shape.rows(answer)
    return Table(columns_of(shape.row, rows), rows, _beside(answer, shape))


def _beside(answer: BaseModel, shape: _Shape) -> dict[str, bytes]:
    left = set() if shape.inside is None else set(shape.inside.split())
    whole = answer.model_dump(exclude={"data": left or True})
    return {name: msgspec.json.encode(part) for name, part in whole.items()}


def _levels(answer: DepthAnswer) -> list[Wire]:
    sides = (("bid", answer.data.bids), ("ask", answer.data.asks))
    return [
        BookLevel.model_construct(side=side, **dict(level))
        for side, levels in sides
        for level in levels
    ]


def _cells(answer: FootprintAnswer) -> list[Wire]:
    return [
        FootprintCell.model_construct(open_time=bar.open_time, **dict(row))
        for bar in answer.data.bars
        for row in bar.rows
    ]


def _list(row: type[Wire]) -> _Shape:
    return _Shape(row, lambda answer: answer.data)


def _part(row: type[Wire], name: str) -> _Shape:
    return _Shape(row, lambda answer: getattr(answer.data, name), name)


TABLES: Final[Mapping[type[BaseModel], _Shape]] = {
    MarketsAnswer: _list(Market),
    TradesAnswer: _list(Trade),
    CandlesAnswer: _list(Candle),
    ReconciliationAnswer: _list(MinuteVerdict),
    ProfileAnswer: _part(Row, "rows"),
    CompositeProfileAnswer: _part(CompositeRow, "rows"),
    DevelopingAnswer: _part(DevelopingStep, "steps"),
    NakedAnswer: _part(NakedControl, "controls"),
    OrderFlowAnswer: _part(FlowBar, "bars"),
    CompositeFlowAnswer: _part(CompositeBar, "bars"),
    ActivityBarsAnswer: _part(ActivityBarOut, "bars"),
    LeadLagAnswer: _part(LeadLagMinute, "minutes"),
    AnomaliesAnswer: _part(Anomaly, "anomalies"),
    CoverageAnswer: _part(CoveragePiece, "intervals"),
    DepthAnswer: _Shape(BookLevel, _levels, "bids asks"),
    FootprintAnswer: _Shape(FootprintCell, _cells, "bars"),
}
"""The answers that are tables."""
