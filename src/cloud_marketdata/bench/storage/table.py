"""The measurement as tables for people, in the form that a page of docs takes over."""

from collections.abc import Iterable, Sequence

from cloud_marketdata.bench.storage.peers import Peer
from cloud_marketdata.bench.storage.rates import Rate
from cloud_marketdata.bench.storage.run import Measured
from cloud_marketdata.bench.storage.sizes import Size


def tables(measured: Measured) -> str:
    """Return sizes, rates and the peers' figures as three tables."""
    stored = measured.stored
    head = (
        f"{stored.venue} {stored.symbol}: {stored.recorded_trades:,} recorded trades of "
        f"{stored.recorded_minutes} minutes, made {stored.trades:,} of {stored.minutes} minutes "
        f"and {stored.profiles:,} profiles of a day; medians of {stored.rounds} rounds"
    )
    sizes = _table(("tier", "engine", "a", "bytes", "of which"), map(_size, measured.sizes))
    rates = _table(
        ("tier", "engine", "what", "unit", "/s", "/cpu-s", "/server-cpu-s", "of bare"),
        map(_rate, measured.rates),
    )
    peers = _table(
        ("tier", "what", "unit", "/s", "/cpu-s", "bytes", "section"), map(_peer, measured.peers)
    )
    return f"{head}\n\n{sizes}\n\n{rates}\n\n{peers}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _size(one: Size) -> Sequence[str]:
    shares = {name: part / max(one.count, 1) for name, part in one.detail.items()}
    of_which = ", ".join(f"{name} {_number(share)}" for name, share in shares.items())
    named = len(shares) > 1
    return one.tier, one.engine, one.what, _number(one.each), of_which if named else ""


def _rate(one: Rate) -> Sequence[str]:
    rates = map(_number, (one.per_s, one.per_cpu_s, one.per_server_cpu_s, one.of_bare))
    return one.tier, one.engine, one.what, one.unit, *rates


def _peer(one: Peer) -> Sequence[str]:
    rates = map(_number, (one.per_s, one.per_cpu_s, one.bytes_each))
    return one.tier, one.what, one.unit, *rates, str(one.section)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  three digits do
