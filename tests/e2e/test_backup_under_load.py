"""A backup made in mid-stream: restored, it answers the same, and goes on without loss or doubling.

The service collects from seeded markets all the while. What the backup holds is compared with the
original answer by answer; then the restored folder collects on from the same venues, and its log
and aggregates are held against each other as after a kill.
"""

import asyncio
import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from processes import COMMAND, ask, eventually, serving, settings, simulating
from served import MINUTE_MS, nothing_waits
from test_killed_service import compare, compare_ledgers, logged

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stream, StreamKind

SPOT, BYBIT = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
SPEED = 12
LATE_MS = 2000 * SPEED
"""What may still come behind a trade, on a machine with much else to do."""
PAGE = 1000


def said(*arguments: object) -> dict[str, Any]:
    """Return the JSON document of a command that succeeds."""
    command = [*COMMAND, *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def trades(folder: Path, venue: Venue) -> list[TradeEvent]:
    """Return every trade of a log that nobody writes."""

    async def read() -> list[TradeEvent]:
        async with open_embedded(folder, SystemClock()) as stores:
            records = await logged(stores, Stream(venue, "BTCUSDT", StreamKind.TRADES))
        return [trade for _, events in records for trade in events]

    return asyncio.run(read())


def pages(url: str, path: str, span: dict[str, int]) -> list[Any]:
    """Return all trades of a range."""
    found: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        answer = ask(url, path, limit=PAGE, **span, **more)
        found += answer["data"]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            return found
        more = {"cursor": cursor}


def answers(url: str, venue: Venue, span: dict[str, int]) -> dict[str, Any]:
    """Ask everything that can be asked of a closed range."""
    market = f"/v1/markets/{venue}/BTCUSDT"
    minutes = {"start": _floor(span["start"]), "end": _floor(span["end"])}
    known = ask(url, f"{market}/coverage", **span)["data"]
    hashed = ask(url, f"{market}/candles", timeframe="1m", state_hash="true", **minutes)
    return {
        "profile": ask(url, f"{market}/volume-profile", **span)["data"],
        "flow": ask(url, f"{market}/order-flow", timeframe="1s", **span)["data"],
        "footprint": ask(url, f"{market}/footprint", timeframe="1m", **minutes)["data"],
        "trades": pages(url, f"{market}/trades", span),
        "coverage": [_within(one) for one in known.pop("intervals")],
        "covered": known,
        "seconds": ask(url, f"{market}/candles", timeframe="1s", **span)["data"],
        "minutes": hashed["data"],
        "state_hash": hashed["meta"]["state_hash"],
    }


def _within(interval: dict[str, Any]) -> dict[str, Any]:
    """Leave out the ids, which tell of all the time that a piece goes on, also behind the range."""
    return {name: interval[name] for name in interval if name not in {"low_id", "high_id"}}


def _floor(time_ms: int) -> int:
    return time_ms // MINUTE_MS * MINUTE_MS


def whole_range(events: list[TradeEvent]) -> dict[str, int]:
    """Return the whole seconds in which nothing more can come, behind the first one."""
    times = [event.exchange_time // NS_PER_MS for event in events]
    return {
        "start": (min(times) // 1000 + 1) * 1000,
        "end": (max(times) - LATE_MS) // 1000 * 1000,
    }


def test_a_backup_made_under_load_answers_the_same_and_goes_on(tmp_path):
    old, backup, new = tmp_path / "old", tmp_path / "backup", tmp_path / "new"
    venues = (SPOT, BYBIT)
    options = [part for venue in venues for part in ("--venue", venue)]
    with simulating(*options, "--synthetic", "--seed", 11, "--speed", SPEED) as port:
        env = settings(venues, ["BTCUSDT"], port, old)
        with serving(env) as (process, url):
            eventually(lambda: ask(url, "/health")["status"] == "healthy")
            asyncio.run(asyncio.sleep(9))
            made = said("backup", backup, "--data-dir", old)
            asyncio.run(asyncio.sleep(2))
        assert process.returncode == 0

        done = said("restore", backup, "--data-dir", new)
        assert (done["files"], done["position"]) == (made["files"], made["position"])
        both = _answer_alike(env, old, new)
        assert all(count > PAGE / 10 for count in both), both

        with serving(settings(venues, ["BTCUSDT"], port, new)) as (process, url):
            eventually(lambda: ask(url, "/health")["status"] == "healthy")
            eventually(lambda: all(nothing_waits(url, venue) for venue in venues))
            asyncio.run(asyncio.sleep(1))
        assert process.returncode == 0
    _nothing_is_lost_or_double(old, new)
    # Its audit log goes on from the copied lines; the service of then looks as if it was killed.
    assert said("audit", "verify", "--data-dir", new)["ok"]


def _answer_alike(env: dict[str, str], old: Path, new: Path) -> list[int]:
    """Compare what both folders answer; return how many trades were in it, by venue."""
    counts = []
    spans = {venue: whole_range(trades(new, venue)) for venue in (SPOT, BYBIT)}
    found = []
    for folder in (old, new):
        alone = {**env, "MARKETDATA_DATA_DIR": str(folder), "MARKETDATA_ROLE": "serve"}
        with serving(alone) as (_, url):
            found.append({venue: answers(url, venue, span) for venue, span in spans.items()})
    for venue, before in found[0].items():
        after = found[1][venue]
        assert {name for name in before if before[name] != after[name]} == set()
        assert re.fullmatch(r"[0-9a-f]{64}", before["state_hash"])
        assert before["minutes"]
        counts.append(len(before["trades"]))
    return counts


def _nothing_is_lost_or_double(old: Path, new: Path) -> None:
    """Hold the log that went on against itself, the venue's ids, and what was made of it."""
    went_on, before = trades(new, SPOT), trades(old, SPOT)
    ids = Counter(trade.id for trade in went_on)
    assert set(ids.values()) == {1}
    # The venue's ids have no holes: what was made between backup and restart was asked for.
    assert sorted(ids) == list(range(min(ids), max(ids) + 1))
    assert {trade.id for trade in before} <= ids.keys()
    assert max(ids) > max(trade.id for trade in before)
    assert asyncio.run(compare(new)) > 0
    assert asyncio.run(compare_ledgers(new)) > 0
