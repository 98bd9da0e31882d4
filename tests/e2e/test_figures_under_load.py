"""The figures of a running service: never falling under load, and at rest exactly what its log has.

Two venues with two symbols each, of which the busier one has series of its own.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from processes import NO_TLS, SLOW_S, ask, eventually, serving, settings, started
from scraping import Scrape

from background import Background
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stream, StreamKind

VENUES = (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
STAGES = ("received", "logged", "processed")
COUNT = f"{told.INGEST_LATENCY.name}_count"
SCRAPES = 10
UNTOLD = {
    # Told where it has happened.
    *(told.REJECTIONS, told.ERRORS, told.DEATHS, told.RECOVERY),
    *(told.MEASURES_FAILED, told.SPANS),
    # Redis has a journal before it and shares for its collectors, TLS and keys have an end.
    *(told.JOURNAL_BYTES, told.JOURNAL_REFUSED, told.TLS_DAYS, told.KEY_DAYS),
}
"""Of the catalogue, what this deployment need not tell of."""


class Listener(Background):
    """A reader of the live tape of every market."""

    def __init__(self, url: str) -> None:
        super().__init__(self._listen)
        names = [f"trades:{venue}:{symbol}" for venue in VENUES for symbol in SYMBOLS]
        self._url = f"{url}/v1/stream/sse?channels={','.join(names)}"

    def _listen(self) -> None:
        with (
            httpx2.Client(trust_env=False, verify=NO_TLS, timeout=SLOW_S) as client,
            client.stream("GET", self._url) as answer,
        ):
            assert answer.status_code == httpx2.codes.OK
            for _ in answer.iter_bytes():
                if self.over.is_set():
                    return


class Seen(NamedTuple):
    """Scrapes under load, /health then, the scrape after it, and what the log holds of a market."""

    busy: list[Scrape]
    health: dict
    last: Scrape
    log: dict[tuple[Venue, str], int]


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Seen:
    folder = tmp_path_factory.mktemp("figures")
    with simulator() as (port, end_load):
        more = {"MARKETDATA_METRICS_SYMBOLS": "1", "MARKETDATA_HOT_MINUTES": "1440"}
        with serving(settings(VENUES, SYMBOLS, port, folder, **more)) as (_, url):
            eventually(lambda: all_traded(Scrape.of(url)))
            with Listener(url):
                eventually(lambda: len(Scrape.of(url).all(COUNT, stage="served")) == len(VENUES))
                call_tools(url)
                httpx2.get(f"{url}/no/such/place", trust_env=False, verify=NO_TLS)
                busy = list(scrapes(url))
                health = eventually(lambda: with_coverage(ask(url, "/health")))
            end_load()
            last = eventually(lambda: at_rest(url))
    return Seen(busy, health, last, asyncio.run(logged(folder)))


@contextmanager
def simulator():
    """Run both venues; yields their port, and what ends them."""
    venues = [part for venue in VENUES for part in ("--venue", venue)]
    symbols = [part for symbol in SYMBOLS for part in ("--symbols", symbol)]
    market = ("--synthetic", "--seed", 8, "--speed", 10)
    with started("simulate", *venues, *symbols, *market) as process:
        yield json.loads(process.stdout.readline())["port"], process.kill


async def logged(folder: Path) -> dict[tuple[Venue, str], int]:
    """Count the trades in a log that nobody writes any more, by market."""
    found = {}
    async with open_embedded(folder, SystemClock()) as stores:
        for venue in VENUES:
            for symbol in SYMBOLS:
                stream, count, after = Stream(venue, symbol, StreamKind.TRADES), 0, 0
                while page := await stores.log.read(stream, after=after, limit=1000):
                    count += sum(len(record.events) for record in page)
                    after = page[-1].position
                found[venue, symbol] = count
    return found


def call_tools(url: str) -> None:
    """Call a tool that there is and one that there is not."""
    for name in ("get_markets", "make_money"):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}
        headers = {"Accept": "application/json, text/event-stream"}
        answer = httpx2.post(
            f"{url}/mcp", json=call, headers=headers, trust_env=False, verify=NO_TLS, timeout=SLOW_S
        )
        assert answer.status_code == httpx2.codes.OK, answer.text


def scrapes(url: str) -> Iterator[Scrape]:
    for _ in range(SCRAPES):
        yield Scrape.of(url)
        time.sleep(1.1)


def all_traded(scrape: Scrape) -> bool:
    return all(scrape.total(told.TRADES.name, venue=venue) for venue in VENUES)


def with_coverage(health: dict) -> dict | None:
    return health if len(health["detail"]["coverage"]) == len(VENUES) * len(SYMBOLS) else None


def at_rest(url: str) -> Scrape | None:
    """Return a scrape in which all is processed, and the same as one of a moment before."""
    before = Scrape.of(url)
    time.sleep(2.5)
    now = Scrape.of(url)
    counts = [now.all(COUNT, stage=stage) for stage in STAGES]
    rest = before.all(COUNT) == now.all(COUNT)
    done = [sorted(count.values()) for count in counts]
    return now if rest and done[0] == done[1] == done[2] else None


def test_what_is_counted_never_falls_and_never_vanishes_under_load(seen):
    for before, now in pairwise([*seen.busy, seen.last]):
        was, is_now = before.counted, now.counted
        assert was.keys() <= is_now.keys()
        assert {series for series, value in was.items() if is_now[series] < value} == set()
    assert seen.last.total(told.FRAMES.name) > seen.busy[0].total(told.FRAMES.name)


def test_trades_are_counted_exactly_as_many_as_the_log_has(seen):
    for venue in VENUES:
        counts = seen.last.all(told.TRADES.name, venue=venue)
        by_symbol = {dict(labels)["symbol"]: count for labels, count in counts.items()}
        named = by_symbol.keys() - {"other"}
        assert len(named) == 1
        assert by_symbol.keys() == {*named, "other"}
        (symbol,) = named
        assert by_symbol[symbol] == seen.log[venue, symbol]
        assert by_symbol["other"] == sum(
            count for (of, name), count in seen.log.items() if of is venue and name != symbol
        )


def test_every_stage_has_timed_each_trade_of_the_log_once(seen):
    for venue in VENUES:
        whole = sum(count for (of, _), count in seen.log.items() if of is venue)
        assert whole > 0
        for stage in STAGES:
            assert seen.last.one(COUNT, venue=venue, stage=stage) == whole
        # Whoever listens gets what comes from then on.
        assert 0 < seen.last.one(COUNT, venue=venue, stage="served") <= whole


def test_every_metric_of_the_catalogue_is_told(seen):
    known = {metric.name.removesuffix("_total") for metric in told.METRICS.values()}
    needless = {metric.name.removesuffix("_total") for metric in UNTOLD}
    assert known - seen.last.kinds.keys() <= needless
    assert seen.last.kinds.keys() <= known


def test_health_tells_the_latencies_the_coverage_and_the_lag_of_every_stream(seen):
    detail = seen.health["detail"]
    for venue in VENUES:
        stages = detail["latency"][venue]
        assert set(stages) == {*STAGES, "served"}
        for stage in stages.values():
            assert 0 < stage["p50_ms"] <= stage["p95_ms"] <= stage["p99_ms"] < 60_000
            assert stage["count"] > 0
    assert all(0.9 < share <= 1 for share in detail["coverage"].values()), detail["coverage"]
    for market in detail["lag"].values():
        assert set(market) == {"trades", "book"}
        for lag in market.values():
            assert lag["unusual"] == (lag["age_s"] > lag["usual_s"])


def test_requests_are_told_by_route_and_tools_by_name(seen):
    requests = told.HTTP_REQUESTS.name
    assert seen.last.one(requests, route="unmatched", method="GET", status="404") == 1
    assert seen.last.one(requests, route="/mcp", method="POST", status="200") == 2
    assert seen.last.total(requests, route="/metrics") >= SCRAPES
    calls = f"{told.MCP_SECONDS.name}_count"
    assert seen.last.one(calls, tool="get_markets", outcome="ok") == 1
    assert seen.last.one(calls, tool="unmatched", outcome="refused") == 1
    assert len(seen.last.all(calls)) == 2
