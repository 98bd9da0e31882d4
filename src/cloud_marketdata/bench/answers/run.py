"""Profiles over 24 h and 7 d, first asked and asked again, in turns; and requests a second.

Two folders hold the same tape. In one nothing was forgotten, so all of it might still change: that
is how the last day of a real market is read. In the other all minutes were, so all is settled.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final, NamedTuple

from cloud_marketdata.bench.answers.asking import Asker, Spread
from cloud_marketdata.bench.answers.load import CONNECTIONS, Rate, rate
from cloud_marketdata.bench.answers.serving import (
    Server,
    bare_bytes,
    running,
    service,
    with_model,
)
from cloud_marketdata.bench.ranges import INSTRUMENT, START, made, store
from cloud_marketdata.bench.ranges import Plan as Tape
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.storage.deployment import Deployment, open_stores

DAYS: Final = 10
KB: Final = 20_000
_STEP: Final = 20
_SPANS: Final = {"24h": 1, "7d": 7}
_WIDTHS: Final = {"1_tick": 1, "coarse": 100}
_ROUTE: Final = f"/v1/markets/{INSTRUMENT.venue}/{INSTRUMENT.symbol}/volume-profile"


class Plan(NamedTuple):
    """How many trades, how many rounds, how many questions a case, how long the load lasts."""

    trades: int
    rounds: int
    asks: int
    seconds: int


class Case(NamedTuple):
    """What is asked: in which state of the store, how long a range, how wide its rows."""

    state: str
    span: str
    width: str


CASES: Final = [
    Case(state, span, width)
    for state in ("young", "settled")
    for span in _SPANS
    for width in _WIDTHS
]


async def build(plan: Plan, folder: Path, clock: Clock) -> None:
    """Store the tape twice: as it is, and with its minutes forgotten."""
    tape = Tape(plan.trades, DAYS, 0, step=_STEP)
    random = Random(tape.seed)  # noqa: S311  it paces nothing here
    young, settled = folder / "young", folder / "settled"
    async with open_stores(_deployment(young, clock, random)) as stores:
        await stores.instruments.save([INSTRUMENT])
        await store(stores, made(tape), tape)
    shutil.copytree(young, settled)
    async with open_stores(_deployment(settled, clock, random)) as stores:
        end = START + DAYS * Timeframe.D1.ns
        await stores.aggregates.forget(INSTRUMENT.venue, INSTRUMENT.symbol, Timeframe.M1, end)


def measure(plan: Plan, folder: Path) -> dict[str, Any]:
    """Return medians over the rounds; the folder is what `build` made."""
    with ExitStack() as stack:
        servers = {
            state: stack.enter_context(running(service, folder / state))
            for state in ("young", "settled")
        }
        askers = {state: Asker(server) for state, server in servers.items()}
        for asker in askers.values():
            stack.callback(asker.close)
        cases = _Cases(plan, askers)
        rates = _Rates(stack, servers["settled"], askers["settled"])
        for _ in range(plan.rounds):
            cases.round()
            rates.round(plan.seconds)
        return {
            "trades": plan.trades,
            "rounds": plan.rounds,
            "asks": plan.asks,
            "http": "httptools" if find_spec("httptools") else "h11",
            "latency": cases.told(),
            "load": rates.told(),
        }


class _Cases:
    """Asks every case anew and again, round by round."""

    def __init__(self, plan: Plan, askers: dict[str, Asker]) -> None:
        self._askers = askers
        self._asks = plan.asks
        self._fresh = {case: _paths(case, Random(str(case))) for case in CASES}  # noqa: S311  repeats
        self._uncached: dict[Case, list[Spread]] = {case: [] for case in CASES}
        self._cached: dict[Case, list[Spread]] = {case: [] for case in CASES}

    def round(self) -> None:
        """Ask once around; what was just asked is asked again."""
        for case in CASES:
            paths = list(islice(self._fresh[case], self._asks))
            self._uncached[case].append(self._askers[case.state].spread(paths))
            again = [paths[at % len(paths)] for at in range(max(len(paths), 4 * self._asks))]
            self._cached[case].append(self._askers[case.state].spread(again))

    def told(self) -> list[dict[str, Any]]:
        """Return a line a case."""
        return [
            {
                **case._asdict(),
                "uncached": _middle(self._uncached[case]),
                "cached": _middle(self._cached[case]),
                "bytes": max(one.most_bytes for one in self._uncached[case]),
            }
            for case in CASES
        ]


class _Rates:
    """Loads the service with one settled question, and the two peers with the same bytes."""

    def __init__(self, stack: ExitStack, server: Server, asker: Asker) -> None:
        self._path, body = _of_size(asker)
        self._bytes = len(body)
        self._servers = {
            "service": server,
            "bare_bytes": stack.enter_context(running(bare_bytes, body)),
            "with_model": stack.enter_context(running(with_model, body)),
        }
        self._found: dict[str, list[Rate]] = {name: [] for name in self._servers}

    def round(self, seconds: int) -> None:
        """Load one after the other."""
        for name, server in self._servers.items():
            self._found[name].append(rate(server.port, server.pid, self._path, seconds))

    def told(self) -> dict[str, Any]:
        """Return medians, and who asked."""
        told: dict[str, Any] = {"bytes": self._bytes, "connections": CONNECTIONS}
        for name, rates in self._found.items():
            per_cpu = [one.requests_per_cpu_s for one in rates if one.requests_per_cpu_s]
            told[name] = {
                "requests_per_s": round(median(one.requests_per_s for one in rates)),
                "requests_per_cpu_s": round(median(per_cpu)) if per_cpu else None,
            }
            told["client"] = rates[0].client
        return told


def _of_size(asker: Asker) -> tuple[str, bytes]:
    """Return the settled question whose answer is nearest to 20 KB, and the answer."""
    widths = [step * 10**power for power in range(4) for step in (1, 2, 5)]
    paths = [_path(START, Timeframe.D1.ns, width) for width in widths]
    return min(((path, asker.ask(path)) for path in paths), key=lambda it: abs(len(it[1]) - KB))


def _paths(case: Case, random: Random) -> Iterator[str]:
    """Yield ranges that nobody asked for before, as long as there are some, then all over again."""
    cut = Timeframe.H1.ns if case.state == "settled" else Timeframe.M1.ns
    length = _SPANS[case.span] * Timeframe.D1.ns
    starts = range(START, START + DAYS * Timeframe.D1.ns - length + 1, cut)
    while True:
        for start in random.sample(starts, len(starts)):
            yield _path(start, length, _WIDTHS[case.width])


def _path(start: int, length: int, row_ticks: int) -> str:
    first, last = start // NS_PER_MS, (start + length) // NS_PER_MS
    return f"{_ROUTE}?start={first}&end={last}&row_ticks={row_ticks}"


def _middle(spreads: Sequence[Spread]) -> dict[str, float]:
    return {
        "p50_ms": round(median(one.p50_ms for one in spreads), 2),
        "p99_ms": round(median(one.p99_ms for one in spreads), 2),
        "cpu_ms": round(median(one.cpu_ms for one in spreads), 2),
    }


def _deployment(folder: Path, clock: Clock, random: Random) -> Deployment:
    return Deployment(Settings(storage="embedded", data_dir=folder), clock, random, appends=False)
