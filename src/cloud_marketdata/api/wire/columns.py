"""The columns of a table, read from the model of its rows.

Exact numbers are decimal columns, times and counts are integers of 64 bits, and a model inside a
row becomes columns with its name before a dot. What has no fixed shape, such as a list, is a column
of JSON text.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeGuard, Union, get_args, get_origin

import msgspec

from cloud_marketdata.api.envelope import IS_DECIMAL, DecimalText, TradeId, Wire


class Kind(Enum):
    """What the values of a column are; None is allowed in all of them."""

    DECIMAL = "decimal text"
    INTEGER = "integer"
    FLOAT = "float"
    FLAG = "flag"
    TEXT = "text"
    JSON = "JSON text"


class Column(NamedTuple):
    """A column: its name, what it holds, and where in a row that is found."""

    name: str
    kind: Kind
    path: tuple[str, ...]

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Return the values of all rows; exact numbers are still text."""
        if len(self.path) == 1 and self.kind not in {Kind.JSON, Kind.TEXT}:
            return list(map(attrgetter(self.path[0]), rows))
        return [self._value(row) for row in rows]

    def _value(self, row: object) -> object:
        value: Any = row
        for name in self.path:
            if value is not None:
                value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
        if value is None or self.kind not in {Kind.JSON, Kind.TEXT}:
            return value
        return _json(value) if self.kind is Kind.JSON else str(value)


_PLAIN: Mapping[object, Kind] = {
    bool: Kind.FLAG,
    int: Kind.INTEGER,
    float: Kind.FLOAT,
    str: Kind.TEXT,
    # Binance counts its trades and Bybit names them; the columns of both are the same.
    TradeId: Kind.TEXT,
    DecimalText: Kind.DECIMAL,
}


def columns_of(row: type[Wire], rows: Sequence[Any]) -> list[Column]:
    """Return the columns of rows of one model, in the order of its fields.

    A mapping of models has the columns of each key that occurs in the rows.
    """
    found: list[Column] = []
    for column in _declared(row):
        if isinstance(column, Column):
            found.append(column)
        else:
            keys = sorted({key for one in rows for key in getattr(one, column.name)})
            found.extend(inner for key in keys for inner in column.under(key))
    return found


class _Keyed(NamedTuple):
    """A field that maps keys to models."""

    name: str
    model: type[Wire]

    def under(self, key: str) -> Iterator[Column]:
        for column in _declared(self.model):
            if isinstance(column, Column):
                name = f"{self.name}.{key}.{column.name}"
                yield Column(name, column.kind, (self.name, key, *column.path))


@cache
def _declared(row: type[Wire]) -> tuple[Column | _Keyed, ...]:
    found: list[Column | _Keyed] = []
    for name, field in row.model_fields.items():
        exact = IS_DECIMAL in field.metadata
        found.extend(_fields(name, DecimalText if exact else _without_none(field.annotation)))
    return tuple(found)


def _fields(name: str, declared: object) -> Iterator[Column | _Keyed]:
    if _is_model(declared):
        for inner in _declared(declared):
            if isinstance(inner, Column):
                yield Column(f"{name}.{inner.name}", inner.kind, (name, *inner.path))
    elif get_origin(declared) is dict and _is_model(model := get_args(declared)[1]):
        yield _Keyed(name, model)
    else:
        yield Column(name, _kind(declared), (name,))


def _is_model(declared: object) -> TypeGuard[type[Wire]]:
    return isinstance(declared, type) and issubclass(declared, Wire)


def _kind(declared: object) -> Kind:
    if get_origin(declared) is Literal:
        return Kind.TEXT
    return _PLAIN.get(declared, Kind.JSON)


def _without_none(declared: object) -> object:
    """Return what a field holds where it holds something."""
    if get_origin(declared) not in {Union, UnionType}:
        return declared
    given = [one for one in get_args(declared) if one is not NoneType]
    return given[0] if len(given) == 1 else Union[tuple(given)]  # noqa: UP007  made at run time


def _json(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=_model).decode()


def _model(value: object) -> object:
    if isinstance(value, Wire):
        return value.model_dump()
    raise NotImplementedError(type(value).__name__)
