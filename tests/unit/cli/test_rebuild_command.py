"""`marketdata rebuild` says by its exit code whether anything differs, and names it."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from cloud_marketdata.cli import run
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

BTC = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.001")))
START = 1_723_161_600 * NS_PER_S


@pytest.fixture(autouse=True)
def logs_of_their_own() -> Iterator[None]:
    """A command sets up logging for its process, which here is everybody's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


async def _fill(folder: Path, *, extra: int = 0) -> None:
    """Store a market of one trade, whose minute may say that it had more volume."""
    one = TradeEvent(BTC, 1, 6_000_000, 5, Side.BUY, START, START, 1)
    async with open_embedded(folder, SystemClock()) as stores:
        await stores.instruments.save([BTC])
        stream = Stream(BTC.venue, BTC.symbol, StreamKind.TRADES)
        [position] = await stores.log.append([Batch(stream, [one])])
        buckets = [Aggregate(BTC, frame, START) for frame in (Timeframe.S1, Timeframe.M1)]
        for bucket in buckets:
            bucket.add(one)
            bucket.position = position
        buckets[1].bar.volume += extra
        await stores.aggregates.save(buckets)


def _command(folder: Path, *more: str) -> int:
    return run(["rebuild", "--data-dir", str(folder), *more])


def test_equal_aggregates_are_exit_0(folder, capsys):
    asyncio.run(_fill(folder))
    assert _command(folder, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    [market] = document["markets"]
    told = {"equal": 1, "different": 0, "not_covered": 0}
    assert market["tiers"] == {"warm": {"1s": told, "1m": told}}
    assert market["differences"] == []


def test_a_difference_is_exit_1_and_told_by_field_and_amount(folder, capsys):
    asyncio.run(_fill(folder, extra=2))
    assert _command(folder, "--json", "--venue", "binance-spot", "--symbol", "BTCUSDT") == 1
    [market] = json.loads(capsys.readouterr().out)["markets"]
    [difference] = market["differences"]
    assert difference == {
        "tier": "warm",
        "timeframe": "1m",
        "start_ms": START // 1_000_000,
        "recomputed_from": "raw",
        "differing": 1,
        "fields": {"volume": {"stored": "0.007", "recomputed": "0.005", "by": "-0.002"}},
    }
    assert _command(folder) == 1
    assert "volume: stored 0.007, recomputed 0.005 (by -0.002)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [("--symbol", "NOSUCH"), ("--start", "yesterday"), ("--venue", "nope")]
)
def test_what_is_not_there_or_not_a_time_is_exit_2(folder, capsys, wrong):
    asyncio.run(_fill(folder))
    assert _command(folder, *wrong) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("marketdata: ")
