"""A tier that is away fails the questions that need it, by name, and no others."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aged import DAY, HOUR, MIDNIGHT, AgedMarket, at_ms
from msgspec.structs import replace
from starlette.testclient import TestClient
from tape import BTC, MINUTE, ROOT, book, ms, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.answers import KeptAnswers
from cloud_marketdata.storage.memory.cache import MemoryCache
from cloud_marketdata.storage.objects.archive import ObjectArchive
from guarded import Guarded

TIERS = {
    "hot": ("log", "trades", "books", "quarantine", "cache"),
    "warm": ("aggregates", "coverage", "instruments"),
    "cold": ("objects", "archive"),
}
LEAK = "connection refused, user hunter2"
LAST = MIDNIGHT + 9 * DAY


class Switched:
    """A real port behind a switch."""

    def __init__(self, port: object, away: Callable[[], bool]) -> None:
        self.port, self._away = port, away

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*given: object, **named: object) -> object:
            if self._away():
                raise StorageError(LEAK)
            return await getattr(self.port, name)(*given, **named)

        return call


class Stage:
    """Ten days of a market with a trade an hour; tiers go away when they are told to."""

    def __init__(self) -> None:
        self.away: set[str] = set()

    async def build(self) -> "Stage":
        """Fill and age the stores, and serve them."""
        self.market = market = await AgedMarket().open()
        times = range(MIDNIGHT, LAST, HOUR)
        await market.append([trade(n + 1, at_ms(time)) for n, time in enumerate(times)])
        market.clock.time = LAST
        await market.age()
        await market.append([trade(900, at_ms(LAST - MINUTE))])
        view = book(received_at=LAST, vouched_at=LAST)
        await market.stores.books.publish([view])
        self._switched = {
            port: Switched(getattr(market.stores, port), lambda tier=tier: tier in self.away)
            for tier, ports in TIERS.items()
            for port in ports
        }
        self.queries = Queries(replace(market.stores, **self._switched), market.clock, Settings())
        app = create_app(
            queries=self.queries,
            operations=Operations([], Settings(), market.clock),
            clock=market.clock,
            settings=Settings(),
            guard=Guarded(market.clock, Settings()).edge,
        )
        self.client = TestClient(
            app,
            base_url="http://127.0.0.1",
            client=("127.0.0.1", 50000),
            raise_server_exceptions=False,
        )
        return self

    def ask(self, what: str, start: int, end: int, **more: object) -> tuple[int, dict[str, Any]]:
        """Return status and body of a question about a range."""
        params = {"start": ms(start), "end": ms(end)} | more
        answer = self.client.get(f"{ROOT}/{what}", params=params)
        return answer.status_code, answer.json()

    def forget(self) -> None:
        """Bring every tier back, and drop what was remembered of its answers."""
        self.away.clear()
        stores = self.market.stores
        self._switched["cache"].port = MemoryCache(self.market.clock)
        self._switched["archive"].port = ObjectArchive(stores.objects)
        self.queries.trees = TimeTrees()
        self.queries.answers = self.kept_answers()

    def kept_answers(self, at_hand_bytes: int = 1 << 20) -> KeptAnswers:
        """Return answers over the switched cache, of which nothing is at hand yet."""
        return KeptAnswers(self._switched["cache"], at_hand_bytes)


@pytest.fixture(scope="module")
def built() -> Stage:
    return asyncio.run(Stage().build())


@pytest.fixture
def stage(built: Stage) -> Stage:
    built.forget()
    return built


OLD = (MIDNIGHT, MIDNIGHT + DAY)
WEEK = (LAST - 3 * DAY, LAST - 2 * DAY)
TODAY = (LAST - 2 * HOUR, LAST)


@pytest.mark.parametrize("what", ["volume-profile", "candles"])
@pytest.mark.parametrize(
    ("away", "asked", "named"),
    [
        ("hot", OLD, None),
        ("hot", WEEK, None),
        ("hot", TODAY, "hot"),
        ("warm", OLD, "warm"),
        ("warm", TODAY, "warm"),
        ("cold", OLD, "cold"),
        ("cold", WEEK, None),
        ("cold", TODAY, None),
    ],
)
def test_a_range_fails_only_where_it_needs_the_tier_that_is_away(stage, what, away, asked, named):
    more = {} if asked == TODAY else {"timeframe": "1d" if asked == OLD else "1h"}
    more = more if what == "candles" else {}
    stage.away.add(away)

    status, body = stage.ask(what, *asked, **more)

    if named is None:
        assert status == 200
        assert body["data"]
    else:
        assert (status, body["code"]) == (503, "storage_unavailable")
        assert f"the {named} tier is away" in body["detail"]
        assert "hunter2" not in str(body)
    stage.away.clear()
    assert stage.ask(what, *asked, **more)[0] == 200


def test_an_old_answer_is_the_same_with_the_hot_tier_away(stage):
    before = stage.ask("volume-profile", *WEEK)
    stage.away.add("hot")

    assert stage.ask("volume-profile", *WEEK) == before
    assert stage.queries.answers.failures == 0
    stage.queries.answers = stage.kept_answers(at_hand_bytes=0)
    assert stage.ask("volume-profile", *WEEK) == before
    assert stage.queries.answers.failures == 2


def test_coverage_of_old_ranges_needs_no_log(stage):
    stage.away.add("hot")

    assert stage.ask("coverage", *OLD)[0] == 200
    status, body = stage.ask("coverage", *TODAY)
    assert (status, "the hot tier" in body["detail"]) == (503, True)


def test_the_book_and_raw_trades_need_no_warm_tier(stage):
    start, end = LAST - HOUR, LAST
    whole = stage.ask("trades", start, end)[1]
    stage.away.add("warm")

    assert stage.client.get(f"{ROOT}/depth").status_code == 200
    status, body = stage.ask("trades", start, end)
    assert (status, body["data"]) == (200, whole["data"])
    assert "the warm tier is away" in str(body["meta"]["quality"]["reasons"])
    assert "the warm tier" not in str(whole)


def test_a_market_nobody_asked_for_before_needs_the_warm_tier(stage):
    stage.away.add("warm")
    answer = stage.client.get(ROOT.replace(BTC.symbol, "ETHUSDT") + "/trades")

    assert (answer.status_code, "the warm tier" in answer.json()["detail"]) == (503, True)


def test_markets_tell_since_when_with_and_without_the_cold_tier():
    stage = asyncio.run(Stage().build())

    def since() -> int:
        [market] = stage.client.get("/v1/markets").json()["data"]
        return market["since"] * NS_PER_MS

    stage.away.add("cold")
    assert since() == LAST - 7 * DAY
    stage.away.clear()
    assert since() == MIDNIGHT
    stage.away.add("cold")
    assert since() == MIDNIGHT
