"""A disk that is really full under a service at work: told by its file, and nothing is lost by it.

The embedded stores get a file system of a few megabytes, which is filled to the last byte and has
room again later.
"""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import httpx2
from deployed import PATIENCE_S
from processes import NO_TLS, ask, eventually, serving, settings
from recomputed import recomputed, retold
from small_disk import small_disk
from venues import markets
from venuetape import VenueTape

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

VENUE: Final = Venue.BINANCE_SPOT
PATH: Final = f"/v1/markets/{VENUE}/BTCUSDT"
NEVER: Final = 1 << 62
FULL: Final = re.compile(r"database or disk is full|No space left")


def health(url: str) -> tuple[str, str]:
    """Return the status and all that is told with it."""
    answer = httpx2.get(f"{url}/health", timeout=10, trust_env=False, verify=NO_TLS)
    status: str = answer.json()["status"]
    assert answer.status_code == (503 if status == "unhealthy" else 200)
    return status, answer.text


def well(url: str) -> bool:
    return health(url)[0] == "healthy"


def tells_of_a_full_disk(url: str, *files: str) -> bool:
    status, text = health(url)
    return status != "healthy" and all(file in text for file in files) and bool(FULL.search(text))


def misses_nothing(url: str, tape: VenueTape) -> bool:
    tape.look()
    times = [made.time_ms for made in tape.made.values()]
    known: dict[str, Any] = ask(url, f"{PATH}/coverage", start=min(times), end=max(times) + 1)
    return known["data"]["missing_trades"] == 0


async def _judge(stores: Stores, tape: VenueTape) -> int:
    stream, after, trades = Stream(VENUE, "BTCUSDT", StreamKind.TRADES), 0, []
    while page := await stores.log.read(stream, after=after, limit=1000):
        trades += [trade for record in page for trade in record.events]
        after = page[-1].position
    assert tape.lost(trades) == []
    for timeframe in (Timeframe.S1, Timeframe.M1):
        found = await stores.aggregates.find_by_range(VENUE, "BTCUSDT", timeframe, 0, NEVER)
        expected = recomputed(trades, timeframe)
        assert {item.start: retold(item) for item in found} == expected
    ledger = Ledger(VENUE, "BTCUSDT", await stores.coverage.find(VENUE, "BTCUSDT", 0, NEVER))
    assert ledger.missing() == []
    assert ledger.trades_at == after
    return len(trades)


def judge(folder: Path, tape: VenueTape) -> int:
    """Hold what is stored against its log, and that against the venue; return the trades."""

    async def work() -> int:
        async with open_embedded(folder, SystemClock()) as stores:
            return await _judge(stores, tape)

    tape.look()
    return asyncio.run(work())


def test_embedded_stores_on_a_full_disk(tmp_path):
    with (
        small_disk(tmp_path / "disk", 32) as disk,
        markets((VENUE,), 5) as venues,
    ):
        market = venues[VENUE]
        env = settings([VENUE], ["BTCUSDT"], market.port, disk.folder, MARKETDATA_SAVE_MS="50")
        market.tape.look()
        with serving(env) as (process, url):
            eventually(lambda: well(url) and ask(url, f"{PATH}/trades")["data"], PATIENCE_S)
            for _ in range(2):
                disk.fill()
                eventually(lambda: tells_of_a_full_disk(url, "hot.db"), PATIENCE_S)
                disk.relieve()
                eventually(lambda: well(url), PATIENCE_S)
            eventually(lambda: misses_nothing(url, market.tape), PATIENCE_S)
        assert process.returncode == 0
        assert judge(disk.folder, market.tape) > 100
