"""`marketdata bench ingest` measures the path that collects: what it counted is in the log."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from cloud_marketdata.bench.trades import trades
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.values import Side, Venue, parse_decimal
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stream, StreamKind

COUNT = 20_000
COMMAND = (sys.executable, "-m", "cloud_marketdata", "bench")


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *map(str, arguments)), capture_output=True, text=True, timeout=90, check=False
    )


@contextmanager
def replay_server(*arguments: object) -> Iterator[int]:
    command = (*COMMAND, "blast", *map(str, arguments))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield msgspec.json.decode(process.stdout.readline())["port"]
        finally:
            process.kill()


def logged(folder: Path, kind: StreamKind) -> list:
    async def read() -> list:
        async with open_embedded(folder, SystemClock()) as stores:
            stream = Stream(Venue.BINANCE_SPOT, "BTCUSDT", kind)
            records = await stores.log.read(stream, limit=1_000_000)
            return [event for record in records for event in record.events]

    return asyncio.run(read())


def fields(trade: TradeEvent) -> tuple:
    scale = trade.instrument.scale
    price, size = scale.price(trade.price), scale.size(trade.size)
    return trade.id, price, size, trade.side, trade.exchange_time


def sent(payload: bytes) -> tuple:
    m = msgspec.json.decode(payload)
    side = Side.SELL if m["m"] else Side.BUY
    return m["t"], parse_decimal(m["p"]), parse_decimal(m["q"]), side, m["T"] * 1_000_000


def assert_the_log_holds(folder: Path, count: int) -> None:
    found = list(map(fields, logged(folder, StreamKind.TRADES)))
    assert found == [sent(one) for one in trades(count, "BTCUSDT", 7, combined=False)]
    assert StatusKind.TRADE_GAP not in {fact.kind for fact in logged(folder, StreamKind.STATUS)}


def test_the_log_holds_exactly_the_trades_that_were_counted(tmp_path):
    done = bench("ingest", "--count", COUNT, "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    result = msgspec.json.decode(line)
    assert list(result) == ["trades", "trades_per_cpu_s", "trades_per_s", "rss_mb"]
    assert result["trades"] == COUNT
    assert min(result.values()) > 0
    assert_the_log_holds(tmp_path, COUNT)


@pytest.mark.parametrize("path", ["/ws/btcusdt@trade", "/stream", ""])
def test_a_named_server_may_send_bare_or_combined_frames(tmp_path, path):
    with replay_server("--count", 3_000) as port:
        url = f"ws://127.0.0.1:{port}{path}"
        done = bench("ingest", "--url", url, "--count", 3_000, "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert msgspec.json.decode(done.stdout)["trades"] == 3_000
    assert_the_log_holds(tmp_path, 3_000)


@pytest.mark.parametrize("subject", ["ingest", "limit"])
def test_a_server_that_closes_early_is_an_error_and_no_figure(subject):
    with replay_server("--count", 500) as port:
        done = bench(subject, "--url", f"ws://127.0.0.1:{port}/stream", "--count", 501)
    assert (done.returncode, done.stdout) == (1, "")
    assert "closed after 500 trades" in done.stderr


def test_a_url_that_is_no_websocket_is_refused():
    done = bench("ingest", "--url", "http://127.0.0.1:9", "--count", 1)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_limit_and_ingest_are_compared_round_by_round():
    done = bench("compare", "--rounds", 1, "--count", 2_000, "--json")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert set(found["rounds"]) == {"limit", "ingest"}
    assert [cost["trades"] for [cost] in found["rounds"].values()] == [2_000, 2_000]
    assert found["ratios"] == [found["ratio"]]
