"""How a service ends: in the direction of the data, within its time, and at once if asked twice.

Real processes under load. Whatever was acknowledged is in the log afterwards, once.
"""

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from processes import COMMAND, NO_TLS, ask, eventually, settings, simulating
from rawlog import RawLog
from served import nothing_waits
from test_killed_service import compare, compare_ledgers

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.stopping import STEPS
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import StreamKind
from servers.redis import RedisServer

VENUES = ("binance-spot", "bybit-linear")
STOP_S = 4


class Running:
    """A service of its own, whose log is kept."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.url = process.stdout.readline().split()[-1]
        self._log = log

    def await_load(self) -> None:
        """Return when trades of all venues come in."""
        for venue in VENUES:
            path = f"/v1/markets/{venue}/BTCUSDT/trades"
            eventually(lambda path=path: ask(self.url, path, limit=1)["data"])

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return what was logged under a name."""
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == event]


@contextmanager
def service(folder: Path, env: Mapping[str, str]) -> Iterator[Running]:
    """Run one; it is gone afterwards, however it stands."""
    log = folder / "service.log"
    with log.open("w") as err:
        process = subprocess.Popen(
            [*COMMAND, "run", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=err,
            env={**os.environ, **env, "MARKETDATA_LOG_LEVEL": "info"},
            text=True,
        )
        try:
            yield Running(process, log)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    options = [part for venue in VENUES for part in ("--venue", venue)]
    with simulating(*options, "--synthetic", "--seed", 3, "--speed", 10) as bound:
        yield bound


@pytest.fixture
def redis_server(tmp_path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


class Asker:
    """Asks without pause from several threads, until it is refused; keeps every whole answer."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[int] = Counter()
        self.torn: list[Exception] = []
        self.unheard = 0
        self._url = f"{url}/v1/markets/binance-spot/BTCUSDT/volume-profile"
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Return when all have been refused."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _ask(self) -> None:
        with httpx2.Client(trust_env=False, verify=NO_TLS, timeout=30) as client:
            while self._answered(client):
                pass

    def _answered(self, client: httpx2.Client) -> bool:
        """Ask once; an answer that has begun must come to its end. False where none is given."""
        try:
            with client.stream("GET", self._url) as answer:
                try:
                    json.loads(answer.read())
                except (httpx2.HTTPError, ValueError) as error:
                    self.torn.append(error)
                self.answers[answer.status_code] += 1
        except httpx2.ConnectError:
            return False
        except httpx2.HTTPError:
            # It came to a connection that was just being closed, and was not heard.
            self.unheard += 1
        return True


def all_is_folded(folder: Path) -> bool:
    """Whether the aggregates hold everything that the log does."""

    async def look() -> bool:
        async with open_embedded(folder, SystemClock()) as stores:
            streams = [s for s in await stores.log.streams() if s.kind is StreamKind.TRADES]
            ends = [await stores.log.last(stream) for stream in streams]
            saved = [await stores.aggregates.position(s.venue, s.symbol) for s in streams]
        return len(streams) == len(VENUES) and saved == [end.position for end in ends]

    return asyncio.run(look())


def test_a_stop_under_load_answers_what_was_asked_and_stores_what_was_collected(tmp_path, port):
    data = tmp_path / "data"
    with service(tmp_path, settings(VENUES, ["BTCUSDT"], port, data)) as running:
        running.await_load()
        asker = Asker(running.url)
        eventually(lambda: asker.answers[200] > 20)
        running.process.send_signal(signal.SIGTERM)

        assert running.process.wait(30) == 0
        asker.join()

    assert asker.torn == []
    assert asker.unheard <= 6
    assert asker.answers.keys() <= {200, 429, 503}
    [stopped] = running.said("service.stopped")
    assert stopped["whole"] is True
    assert not running.said("service.stop_overdue")
    assert all_is_folded(data)
    assert asyncio.run(compare(data)) > 0
    assert asyncio.run(compare_ledgers(data)) > 0


def test_a_stop_that_takes_too_long_ends_and_says_what_was_not_done(tmp_path, port, redis_server):
    data = tmp_path / "data"
    more = {
        "MARKETDATA_REDIS_URL": redis_server.url,
        "MARKETDATA_STOP_TIMEOUT_S": str(STOP_S),
        "MARKETDATA_STORE_TIMEOUT_S": "20",
        "MARKETDATA_LEASE_S": "2",
    }
    env = settings(VENUES, ["BTCUSDT"], port, data, **more)
    clock = SystemClock()
    with service(tmp_path, env) as running:
        running.await_load()
        redis_server.pause()
        running.process.send_signal(signal.SIGTERM)
        began = clock.monotonic()

        assert running.process.wait(60) == 1
        assert STOP_S - 0.5 <= clock.monotonic() - began < STOP_S + 10

    [overdue] = running.said("service.stop_overdue")
    assert overdue["after_s"] == STOP_S
    left = overdue["not_done"]
    assert left == list(STEPS[-len(left) :])
    assert not running.said("service.stopped")
    redis_server.resume()
    _goes_on_without_loss(tmp_path, env, redis_server.url)


def _goes_on_without_loss(folder: Path, env: Mapping[str, str], url: str) -> None:
    """Start again: what the journal and the venues have is in the log in the end, each once."""
    with service(folder, {**env, "MARKETDATA_STORE_TIMEOUT_S": "5"}) as running:
        running.await_load()
        eventually(lambda: ask(running.url, "/health")["status"] == "healthy")
        eventually(lambda: all(nothing_waits(running.url, venue) for venue in VENUES))
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(30)
    log = RawLog(url)
    try:
        for stream in log.streams(StreamKind.TRADES):
            found = [trade.id for _, trades in log.records(stream) for trade in trades]
            assert len(found) == len(set(found)) > 0
            if stream.venue == "binance-spot":
                assert sorted(found) == list(range(min(found), max(found) + 1))
    finally:
        log.close()


def test_a_second_signal_ends_the_process_at_once(tmp_path, port, redis_server):
    more = {"MARKETDATA_REDIS_URL": redis_server.url, "MARKETDATA_STORE_TIMEOUT_S": "20"}
    env = settings(VENUES, ["BTCUSDT"], port, tmp_path / "data", **more)
    clock = SystemClock()
    with service(tmp_path, env) as running:
        running.await_load()
        redis_server.pause()
        running.process.send_signal(signal.SIGTERM)
        # It is on its way when its door is shut.
        eventually(lambda: not _answers(running.url))
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGINT)
        began = clock.monotonic()

        assert running.process.wait(10) == 128 + signal.SIGINT
        assert clock.monotonic() - began < 2

    [forced] = running.said("service.stop_forced")
    assert forced["not_done"][-1] == "stores"


def _answers(url: str) -> bool:
    try:
        httpx2.get(f"{url}/health", timeout=2, trust_env=False, verify=NO_TLS)
    except httpx2.ConnectError:
        return False
    except httpx2.HTTPError:
        return True
    return True
