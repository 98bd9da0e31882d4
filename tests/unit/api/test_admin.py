"""Admin calls are answered to this machine alone, and refuse with stable codes."""

import asyncio

import pytest
from starlette.testclient import TestClient
from tape import FixedClock, Market

from cloud_marketdata.api import admin
from cloud_marketdata.api.admin import SymbolsAnswer, VenueSymbolsAnswer
from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, UnknownMarketError, VenueError
from cloud_marketdata.domain.values import Venue
from guarded import Guarded

ALL = "/v1/admin/symbols"
ETH = f"{ALL}/binance-spot/ETHUSDT"
CALLS = [("GET", ALL), ("PUT", ETH), ("DELETE", ETH)]


class Held:
    """A roster that lists BTCUSDT and ETHUSDT, or fails."""

    def __init__(self) -> None:
        self.collected = ["BTCUSDT"]
        self.configured = ("BTCUSDT",)
        self.discovered = self.unknown = ()
        self.added: list[str] = []
        self.removed: set[str] = set()
        self.failure: Exception | None = None
        self.hangs = False

    async def add(self, symbol: str) -> None:
        """Collect it."""
        await self._trouble(symbol, ("BTCUSDT", "ETHUSDT"))
        self.collected.append(symbol)
        self.added.append(symbol)

    async def remove(self, symbol: str) -> None:
        """Collect it no more."""
        await self._trouble(symbol, self.collected)
        self.collected.remove(symbol)
        self.removed.add(symbol)

    async def _trouble(self, symbol: str, known) -> None:
        if self.failure:
            raise self.failure
        if self.hangs:
            await asyncio.Event().wait()
        if symbol not in known:
            msg = f"no {symbol}"
            raise UnknownMarketError(msg)


@pytest.fixture
def rosters() -> dict[Venue, Held]:
    return {venue: Held() for venue in Venue}


def asking(rosters, peer: str = "127.0.0.1", host: str = "127.0.0.1:8000") -> TestClient:
    market = asyncio.run(Market().open())
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), FixedClock()),
        clock=FixedClock(),
        settings=Settings(),
        guard=Guarded(FixedClock(), Settings()).edge,
        rosters=rosters,
    )
    return TestClient(app, f"http://{host}", raise_server_exceptions=False, client=(peer, 50000))


def test_it_tells_of_every_venue_what_is_collected_and_why(rosters):
    answer = asking(rosters).get(ALL)
    assert answer.status_code == 200
    data = SymbolsAnswer.model_validate_json(answer.content).data
    assert [row.venue for row in data] == list(Venue)
    assert data[0].model_dump() == {
        "venue": "binance-spot",
        "collected": ["BTCUSDT"],
        "configured": ["BTCUSDT"],
        "discovered": [],
        "added": [],
        "removed": [],
        "unknown": [],
    }


def test_a_symbol_is_added_and_removed_and_the_answer_tells_how_it_stands(rosters):
    client = asking(rosters)
    added = VenueSymbolsAnswer.model_validate_json(client.put(ETH).content).data
    assert (added.collected, added.added) == (["BTCUSDT", "ETHUSDT"], ["ETHUSDT"])
    assert rosters[Venue.BYBIT_SPOT].collected == ["BTCUSDT"]
    removed = VenueSymbolsAnswer.model_validate_json(client.delete(ETH).content).data
    assert (removed.collected, removed.removed) == (["BTCUSDT"], ["ETHUSDT"])


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("peer", "host", "refused"),
    [
        ("192.0.2.7", "127.0.0.1:8000", (401, "key_missing")),
        ("2001:db8::1", "[::1]:8000", (401, "key_missing")),
        ("127.0.0.1", "rebound.example:8000", (421, "host_refused")),
        ("testclient", "127.0.0.1", (401, "key_missing")),
    ],
)
def test_another_machine_or_a_foreign_name_is_refused(rosters, peer, host, refused, method, path):
    asker = asking(rosters, peer)
    answer = asker.request(method, path, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == refused
    assert rosters[Venue.BINANCE_SPOT].collected == ["BTCUSDT"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "path", [f"{ALL}/binance-spot/NOSUCH", f"{ALL}/moon/BTCUSDT", f"{ALL}/binance-spot/a%26b=1"]
)
def test_a_market_that_is_not_there_is_unknown(rosters, method, path):
    answer = asking(rosters).request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_market")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("failure", "code"),
    [(VenueError("secret"), "venue_unavailable"), (StorageError("secret"), "storage_unavailable")],
)
def test_where_venue_or_store_cannot_be_asked_nothing_of_the_inside_is_told(
    rosters, method, failure, code
):
    rosters[Venue.BINANCE_SPOT].failure = failure
    answer = asking(rosters).request(method, ETH)
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert "secret" not in answer.text


def test_a_venue_that_takes_too_long_counts_as_away(rosters, monkeypatch):
    monkeypatch.setattr(admin, "PATIENCE_S", 0.001)
    rosters[Venue.BINANCE_SPOT].hangs = True
    answer = asking(rosters).put(ETH)
    assert (answer.status_code, answer.json()["code"]) == (503, "venue_unavailable")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_process_that_collects_nothing_says_so(method, path):
    answer = asking({}).request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_collecting")
