"""When two answers to one question agree: what an agent is told in short is what REST says.

An agent's rows are compared column by column with REST's, whose fields are named here and not
where the rows are made; every field of another kind that both name is equal.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from answering import Answer

Rows = Sequence[Sequence[Any]]
_LISTS: Final = frozenset({"rows", "bars", "bids", "asks", "hvn", "lvn", "anomalies"})


def assert_agrees(name: str, rest: Answer, agent: Answer) -> None:
    """Hold an agent's whole answer (detail=full), or its refusal, against REST's."""
    assert agent.problem == rest.problem
    assert agent.meta == rest.meta
    if rest.problem is None:
        _AGREE[name](rest.data, agent.data)


def assert_told_live(rest: Answer, live: Answer) -> None:
    """Hold a stream's first frame against REST: the answer itself, or its refusal in short.

    A live channel is one page, so where REST would go on with another one it is refused.
    """
    if rest.problem is None and rest.meta["next_cursor"] is not None:
        assert live.problem["code"] == "limit_exceeded"
    elif rest.problem is None:
        assert live == rest
    else:
        told = {name: rest.problem[name] for name in ("code", "detail")}
        assert {name: live.problem[name] for name in told} == told


def _profile(rest: Mapping[str, Any], agent: Mapping[str, Any]) -> None:
    _named(rest, agent)
    _rows(agent, [[row[key] for key in ("low", "buy", "sell")] for row in rest["rows"]])
    for nodes in ("hvn", "lvn"):
        assert agent[nodes] == (rest[nodes] and [node["low"] for node in rest[nodes]])


def _flow(rest: Mapping[str, Any], agent: Mapping[str, Any]) -> None:
    _named(rest, agent)
    columns = ("open_time", "close", "volume", "delta", "cvd")
    _rows(agent, [[bar[key] for key in columns] for bar in rest["bars"]], marks=1)
    gaps = {bar["open_time"] for bar in rest["bars"] if not bar["complete"]}
    assert {row[0] for row in agent["rows"] if "gap" in row[-1]} <= gaps


def _depth(rest: Mapping[str, Any], agent: Mapping[str, Any]) -> None:
    _named(rest, agent)
    for side in ("bids", "asks"):
        assert agent[side] == [[level["price"], level["size"]] for level in rest[side]]


def _candles(rest: Sequence[Mapping[str, Any]], agent: Mapping[str, Any]) -> None:
    prices = ("open_time", "open", "high", "low", "close")
    columns = (*prices, "volume", "taker_buy_volume", "count")
    _rows(agent, [[bar[key] for key in columns] for bar in rest], marks=1)
    assert Decimal(agent["volume"]) == sum(Decimal(bar["volume"]) for bar in rest)


def _anomalies(rest: Mapping[str, Any], agent: Mapping[str, Any]) -> None:
    _named(rest, agent)
    if _all_are_there(agent):
        assert agent["anomalies"] == rest["anomalies"]
    else:
        assert [one for one in rest["anomalies"] if one in agent["anomalies"]] == agent["anomalies"]


_AGREE: Final[Mapping[str, Callable[[Any, Any], None]]] = {
    "volume-profile": _profile,
    "order-flow": _flow,
    "depth": _depth,
    "candles": _candles,
    "anomalies": _anomalies,
}


def _named(rest: Mapping[str, Any], agent: Mapping[str, Any]) -> None:
    both = (rest.keys() & agent.keys()) - _LISTS
    assert {"venue", "symbol"} & rest.keys() <= both
    assert {name: agent[name] for name in both} == {name: rest[name] for name in both}


def _rows(agent: Mapping[str, Any], expected: Rows, *, marks: int = 0) -> None:
    """Compare rows, behind whose columns an agent may be told as many marks."""
    found = [row[: len(row) - marks] for row in agent["rows"]]
    if _all_are_there(agent):
        assert found == expected
    else:
        # They are in REST's order; which ones were left out is the tool's choice.
        assert [row for row in expected if row in found] == found


def _all_are_there(agent: Mapping[str, Any]) -> bool:
    """Whether no row was left out; one that was is told."""
    whole = agent["rows_returned"] == agent["rows_total"]
    assert whole or agent["left_out"]
    return whole
