"""What a symbol costs a collector and a processor, as JSON lines; for a quiet machine.

Each line is one number of symbols at one speed of the simulator: CPU seconds a second and resident
bytes of either process, and bytes a trade in Redis and in MongoDB.

Argument: seconds for which each is measured.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
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
from rawlog import RawLog  # noqa: E402

from cloud_marketdata.core.config import Settings  # noqa: E402
from cloud_marketdata.core.telemetry.catalogue import BOOK_UPDATES  # noqa: E402
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
_SAVE_MS: Final = Settings.model_fields["save_ms"].default
_WARM_S: Final = 5.0


class Bill:
    """What has been spent so far by two processes and two servers."""

    def __init__(self, crew: list[Member], urls: tuple[str, str], database: str) -> None:
        self.at = time.perf_counter()
        self.cpu = {member.role: member.cpu_s() for member in crew}
        self.rss = {member.role: member.rss() for member in crew}
        with redis.Redis.from_url(urls[0]) as client:
            self.redis = client.info("memory")["used_memory"]
        with pymongo.MongoClient(urls[1]) as mongo:
            found = mongo[database].command("dbStats")
        self.mongo = int(found["dataSize"] + found["indexSize"])
        log = RawLog(urls[0])
        self.trades = sum(len(trades) for stream in log.ends() for _, trades in log.records(stream))
        log.close()
        self.books = sum(_updates(member) for member in crew if member.role == "collect")


def _updates(collector: Member) -> float:
    """Return how many book events it has brought into the log."""
    told = httpx2.get(f"{collector.url}/metrics", trust_env=False, verify=NO_TLS).text
    rows = [row for row in told.splitlines() if row.startswith(f"{BOOK_UPDATES.name}{{")]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


def measured(
    venue: Venue, symbols: int, speed: float, save_ms: int, seconds: float, folder: Path
) -> dict[str, object]:
    """Return one line."""
    names = [f"S{number}USDT" for number in range(symbols)]
    listed = [word for name in names for word in ("--symbols", name)]
    options = ("--venue", venue, "--synthetic", "--seed", 1, "--speed", speed, *listed)
    with (
        simulating(*options) as port,
        RedisServer(folder / "redis") as hot,
        MongoSet(folder / "mongodb") as warm,
    ):
        database = f"costs_{uuid.uuid4().hex}"
        urls = (hot.url, warm.url)
        places = {"redis_url": hot.url, "mongodb_url": warm.url, "mongodb_database": database}
        env = environment(places, Venues({venue: port}, {}), names)
        env["MARKETDATA_SAVE_MS"] = str(save_ms)
        crew = [Member(role, 1, folder, env) for role in ("collect", "process")]
        try:
            for member in crew:
                member.launch()
            for member in crew:
                eventually(member.ready)
            time.sleep(_WARM_S)
            before = Bill(crew, urls, database)
            time.sleep(seconds)
            line = dict(_line(before, Bill(crew, urls, database)))
            return {"venue": venue, "symbols": symbols, "speed": speed, "save_ms": save_ms, **line}
        finally:
            for member in crew:
                member.kill()


def _line(before: Bill, after: Bill) -> Iterator[tuple[str, object]]:
    seconds, trades = after.at - before.at, max(1, after.trades - before.trades)
    yield "trades_per_s", round(trades / seconds, 1)
    yield "book_updates_per_s", round((after.books - before.books) / seconds, 1)
    for role, cpu in after.cpu.items():
        yield f"{role}_cpu_s_per_s", round((cpu - before.cpu[role]) / seconds, 4)
        yield f"{role}_rss_mb", round(after.rss[role] / (1 << 20), 1)
    yield "redis_bytes_per_trade", round((after.redis - before.redis) / trades)
    yield "mongo_bytes_per_trade", round((after.mongo - before.mongo) / trades)
    yield "redis_bytes_per_s", round((after.redis - before.redis) / seconds)
    yield "mongo_bytes_per_s", round((after.mongo - before.mongo) / seconds)


if __name__ == "__main__":
    cases = [*((*case, _SAVE_MS) for case in _CASES), *((*case, 8 * _SAVE_MS) for case in _SELDOM)]
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="costs-") as name:
            sys.stdout.write(json.dumps(measured(*case, float(sys.argv[1]), Path(name))) + "\n")
            sys.stdout.flush()
