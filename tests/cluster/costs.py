"""What a symbol costs, as JSON lines; for a quiet machine.

Each line is one number of symbols at one speed of the simulator: CPU seconds a second and resident
bytes of a collector and a processor, and bytes a trade in Redis and in MongoDB; and then CPU and
memory of one process that does everything, with an embedded store.

Argument: seconds for which each is measured.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS / "e2e"), str(_TESTS / "outages")]

import httpx2  # noqa: E402  found by the path above
import pymongo  # noqa: E402
import redis  # noqa: E402
from cluster_market import Venues  # noqa: E402
from cluster_members import Member, environment  # noqa: E402
from processes import NO_TLS, eventually, simulating  # noqa: E402

from cloud_marketdata.core.config import Settings  # noqa: E402
from cloud_marketdata.core.telemetry.catalogue import BOOK_UPDATES, TRADES  # noqa: E402
from cloud_marketdata.core.telemetry.metric import Metric  # noqa: E402
from cloud_marketdata.domain.values import Venue  # noqa: E402
from servers.mongodb import MongoSet  # noqa: E402
from servers.redis import RedisServer  # noqa: E402

_BINANCE, _BYBIT = Venue.BINANCE_USDM, Venue.BYBIT_LINEAR
_CASES: Final = (
    *((_BINANCE, symbols, speed) for symbols, speed in ((1, 1), (1, 4), (10, 1), (10, 4))),
    *((_BINANCE, symbols, speed) for symbols, speed in ((40, 0.25), (40, 1), (200, 0.05))),
    *((_BYBIT, symbols, 1) for symbols in (1, 10, 40)),
)
_SELDOM: Final = tuple((_BINANCE, symbols, speed) for symbols, speed in ((40, 1), (200, 0.05)))
"""What is measured again with saves that are eight times as far apart."""
_EMBEDDED: Final = tuple((_BINANCE, *case) for case in ((10, 1), (40, 1), (200, 0.05)))
_SAVE_MS: Final = Settings.model_fields["save_ms"].default
_WARM_S: Final = 5.0


class Bill:
    """What has been spent so far by some processes, and for what."""

    def __init__(self, crew: list[Member]) -> None:
        self.at = time.perf_counter()
        self.cpu = {member.role: member.cpu_s() for member in crew}
        self.rss = {member.role: member.rss() for member in crew}
        collector = crew[0]
        self.trades, self.books = _told(collector, TRADES), _told(collector, BOOK_UPDATES)


class Stored:
    """How many bytes the servers hold."""

    def __init__(self, urls: tuple[str, str], database: str) -> None:
        with redis.Redis.from_url(urls[0]) as client:
            self.redis = client.info("memory")["used_memory"]
        with pymongo.MongoClient(urls[1]) as mongo:
            found = mongo[database].command("dbStats")
        self.mongo = int(found["dataSize"] + found["indexSize"])


def _told(collector: Member, metric: Metric) -> float:
    """Return how many events of a kind it has brought into the log."""
    told = httpx2.get(f"{collector.url}/metrics", trust_env=False, verify=NO_TLS).text
    rows = [row for row in told.splitlines() if row.startswith(f"{metric.name}{{")]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


@contextmanager
def market(venue: Venue, symbols: int, speed: float) -> Iterator[tuple[Venues, list[str]]]:
    """Play so many symbols; yield where, and their names."""
    names = [f"S{number}USDT" for number in range(symbols)]
    listed = [word for name in names for word in ("--symbols", name)]
    options = ("--venue", venue, "--synthetic", "--seed", 1, "--speed", speed, *listed)
    with simulating(*options) as port:
        yield Venues({venue: port}, {}), names


@contextmanager
def working(crew: list[Member]) -> Iterator[None]:
    """Run members that are ready and warm."""
    try:
        for member in crew:
            member.launch()
        for member in crew:
            eventually(member.ready)
        time.sleep(_WARM_S)
        yield
    finally:
        for member in crew:
            member.kill()


def measured(
    venue: Venue, symbols: int, speed: float, save_ms: int, seconds: float, folder: Path
) -> dict[str, object]:
    """Return one line of a collector and a processor with servers."""
    with (
        market(venue, symbols, speed) as (venues, names),
        RedisServer(folder / "redis") as hot,
        MongoSet(folder / "mongodb") as warm,
    ):
        database = f"costs_{uuid.uuid4().hex}"
        urls = (hot.url, warm.url)
        places = {"redis_url": hot.url, "mongodb_url": warm.url, "mongodb_database": database}
        env = environment(places, venues, names) | {"MARKETDATA_SAVE_MS": str(save_ms)}
        crew = [Member(role, 1, folder, env) for role in ("collect", "process")]
        with working(crew):
            before, stored = Bill(crew), Stored(urls, database)
            time.sleep(seconds)
            after, then = Bill(crew), Stored(urls, database)
    trades = max(1, after.trades - before.trades)
    return {
        "venue": venue,
        "symbols": symbols,
        "speed": speed,
        "save_ms": save_ms,
        **dict(_spent(before, after)),
        "redis_bytes_per_trade": round((then.redis - stored.redis) / trades),
        "mongo_bytes_per_trade": round((then.mongo - stored.mongo) / trades),
    }


def embedded(
    venue: Venue, symbols: int, speed: float, seconds: float, folder: Path
) -> dict[str, object]:
    """Return one line of a process that needs no server."""
    with market(venue, symbols, speed) as (venues, names):
        crew = [Member("all", 1, folder, environment({}, venues, names))]
        with working(crew):
            before = Bill(crew)
            time.sleep(seconds)
            after = Bill(crew)
    return {"venue": venue, "symbols": symbols, "speed": speed, **dict(_spent(before, after))}


def _spent(before: Bill, after: Bill) -> Iterator[tuple[str, float]]:
    seconds = after.at - before.at
    yield "trades_per_s", round((after.trades - before.trades) / seconds, 1)
    yield "book_updates_per_s", round((after.books - before.books) / seconds, 1)
    for role, cpu in after.cpu.items():
        yield f"{role}_cpu_s_per_s", round((cpu - before.cpu[role]) / seconds, 4)
        yield f"{role}_rss_mb", round(after.rss[role] / (1 << 20), 1)


def main(seconds: float) -> None:
    """Measure and print."""
    cases = [*((*case, _SAVE_MS) for case in _CASES), *((*case, 8 * _SAVE_MS) for case in _SELDOM)]
    for measure, case in [*((measured, one) for one in cases), *((embedded, o) for o in _EMBEDDED)]:
        with tempfile.TemporaryDirectory(prefix="costs-") as name:
            sys.stdout.write(json.dumps(measure(*case, seconds, Path(name))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
