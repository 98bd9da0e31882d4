"""kill -9 of the service in mid-stream: what it stored equals the recomputation from its log."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

from processes import ask, eventually, serving, settings, simulating

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.windows import Windows
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

VENUES = ("binance-spot", "binance-usdm", "bybit-spot", "bybit-linear")
NEVER = 1 << 62


async def logged(stores: Stores, stream: Stream) -> list[tuple[int, list[TradeEvent]]]:
    records, after = [], 0
    while page := await stores.log.read(stream, after=after, limit=1000):
        records += [(record.position, list(record.events)) for record in page]
        after = page[-1].position
    return records


async def stored(stores: Stores, stream: Stream, timeframe: Timeframe) -> list[Aggregate]:
    return await stores.aggregates.find_by_range(stream.venue, stream.symbol, timeframe, 0, NEVER)


async def compare(folder: Path) -> int:
    """Recompute every aggregate from the raw log; return how many trades were compared."""
    compared = 0
    async with open_embedded(folder, SystemClock()) as stores:
        for stream in await stores.log.streams():
            if stream.kind is not StreamKind.TRADES:
                continue
            windows, ids = Windows(NEVER), Counter()
            saved_to = await stores.aggregates.position(stream.venue, stream.symbol)
            for position, trades in await logged(stores, stream):
                ids.update(trade.id for trade in trades)
                if position <= saved_to:
                    windows.fold(trades, position)
                    compared += len(trades)
            assert max(ids.values()) == 1, f"a trade stands twice in the log of {stream}"
            for timeframe in (Timeframe.S1, Timeframe.M1):
                expected = [item for item in windows.held() if item.timeframe is timeframe]
                found = await stored(stores, stream, timeframe)
                assert [list(item.lines()) for item in found] == [
                    list(item.lines()) for item in expected
                ]
    return compared


async def compare_ledgers(folder: Path) -> int:
    """Fold every ledger from the raw log, up to the positions it was saved with; count its rows."""
    compared = 0
    async with open_embedded(folder, SystemClock()) as stores:
        for stream in await stores.log.streams():
            if stream.kind is not StreamKind.TRADES:
                continue
            kept = await stores.coverage.find(stream.venue, stream.symbol, 0, NEVER)
            expected = Ledger(stream.venue, stream.symbol, Kept())
            status = stream._replace(kind=StreamKind.STATUS)
            for position, trades in await logged(stores, stream):
                if position <= kept.marks.trades:
                    expected.fold_trades(position, trades)
            for position, facts in await logged(stores, status):
                if position <= kept.marks.status:
                    expected.fold_facts(position, facts)
            found = Ledger(stream.venue, stream.symbol, kept)
            for covered in Covered:
                assert found.intervals(covered) == expected.intervals(covered)
            assert (found.trades_at, found.status_at) == (expected.trades_at, expected.status_at)
            assert found.missing() == expected.missing()
            saved_to = await stores.aggregates.position(stream.venue, stream.symbol)
            assert found.trades_at == saved_to
            compared += len(kept.rows)
    return compared


def test_a_service_killed_in_mid_stream_stores_what_its_log_says(tmp_path):
    random = Random(20240808)  # noqa: S311  a seed must repeat
    options = [part for venue in VENUES for part in ("--venue", venue)]
    with simulating(*options, "--synthetic", "--seed", 5, "--speed", 10) as port:
        env = settings(VENUES, ["BTCUSDT"], port, tmp_path)
        for _ in range(3):
            with serving(env) as (process, url):
                eventually(lambda url=url: ask(url, "/health")["status"] == "healthy")
                asyncio.run(asyncio.sleep(random.uniform(0.3, 1.5)))
                process.kill()
                process.wait()
            assert asyncio.run(compare(tmp_path)) > 0
            assert asyncio.run(compare_ledgers(tmp_path)) > 0
        with serving(env) as (process, url):
            eventually(lambda: ask(url, "/health")["status"] == "healthy")
        assert process.returncode == 0
    assert asyncio.run(compare(tmp_path)) > 0
    assert asyncio.run(compare_ledgers(tmp_path)) > 0


def test_a_stopped_service_has_everything_in_its_log_inside_the_aggregates(tmp_path):
    with simulating("--venue", "bybit-spot", "--synthetic", "--speed", 10) as port:
        env = settings(["bybit-spot"], ["BTCUSDT"], port, tmp_path)
        with serving(env) as (process, url):
            eventually(lambda: ask(url, "/health")["status"] == "healthy")
        assert process.returncode == 0

    async def positions() -> tuple[int, int]:
        async with open_embedded(tmp_path, SystemClock()) as stores:
            stream = next(s for s in await stores.log.streams() if s.kind is StreamKind.TRADES)
            last = await stores.log.last(stream)
            saved = await stores.aggregates.position(stream.venue, stream.symbol)
            return saved, last.position

    saved, last = asyncio.run(positions())
    assert saved == last > 0
