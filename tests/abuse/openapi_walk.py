"""The routes that a service describes itself, and what is no number for any of their parameters."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

VENUE: Final = "binance-spot"
SYMBOL: Final = "BTCUSDT"
PAIR: Final = "binance-spot,bybit-spot"
_PATH: Final = {"venue": VENUE, "symbol": SYMBOL, "key_id": "aaaaaaaa"}
_NEEDED: Final = {
    "kind": "tick",
    "size": "10",
    "venues": PAIR,
    "channels": f"trades:{VENUE}:{SYMBOL}",
}
NEVER_A_NUMBER: Final = (
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1e309",
    "0x10",
    "-1",
    "1e999999999",
    "1e-999999999",
    "9" * 5000,
    "1;2",
    "1\x00",
    "1\r\nX-Injected: 1",
)


class Route(NamedTuple):
    """One operation of the description."""

    method: str
    path: str
    parameters: tuple[Mapping[str, Any], ...]

    def target(self, **query: str) -> str:
        """Return the address of a question that is fine but for what is given."""
        needed = {
            one["name"]: _NEEDED[one["name"]]
            for one in self.parameters
            if one.get("required") and one["in"] == "query"
        }
        asked = {**needed, **query}
        path = self.path.format(**_PATH)
        return f"{path}?{urlencode(asked)}" if asked else path

    @property
    def ranged(self) -> bool:
        """Whether it takes a range of time."""
        return {"start", "end"} <= {one["name"] for one in self.parameters}

    def numbers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the parameters that are numbers or times, each with its bounds."""
        for one in self.parameters:
            shapes = one["schema"].get("anyOf", [one["schema"]])
            found = [shape for shape in shapes if shape.get("type") in {"integer", "number"}]
            if found and one["in"] == "query":
                yield one["name"], found[0]


def routes_of(page: Mapping[str, Any]) -> list[Route]:
    """Read the description of a service."""
    return [
        Route(method.upper(), path, tuple(operation.get("parameters", ())))
        for path, operations in page["paths"].items()
        for method, operation in operations.items()
    ]


def out_of_bounds(shape: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is a number, and smaller or larger than the description allows."""
    if "minimum" in shape:
        yield str(shape["minimum"] - 1)
    if "maximum" in shape:
        yield str(shape["maximum"] + 1)
        yield "9" * 40
