"""Faults whose nature is a socket or a request, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cloud_marketdata.cli import run as command
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.faults.language import FaultError
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation

pytestmark = pytest.mark.anyio
TRADES = "/stream?streams=btcusdt@trade"


class Stage:
    """A running simulator with its doors."""

    def __init__(self, port: int, http: httpx2.AsyncClient) -> None:
        self.port = port
        self._http = http

    def ws(self, path: str = TRADES) -> connect:
        """Connect a client that pings only when told to."""
        uri = f"ws://127.0.0.1:{self.port}{path}"
        return connect(uri, compression=None, ping_interval=None, max_queue=None)

    async def ask(self, path: str, **params: object) -> httpx2.Response:
        """Ask REST."""
        return await self._http.get(path, params=params)

    async def fault(self, text: str) -> httpx2.Response:
        """Set faults."""
        return await self._http.post("/_faults", content=text)

    async def struck(self) -> list[int]:
        """Return how often each fault has struck."""
        return [row["struck"] for row in (await self._http.get("/_faults")).json()["faults"]]

    async def heal(self) -> httpx2.Response:
        """End all faults."""
        return await self._http.delete("/_faults")


@asynccontextmanager
async def staged(*venues: Venue, **options: Any) -> AsyncIterator[Stage]:  # noqa: ANN401
    options = {"speed": 10.0, "seed": 3} | options
    async with (
        asyncio.timeout(30),
        simulate(Simulation(venues=venues, **options), SystemClock()) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield Stage(port, http)


async def within(seconds: float, work: Awaitable[Any]) -> Any:  # noqa: ANN401
    return await asyncio.wait_for(work, seconds)


async def closing_code(client: ClientConnection) -> int:
    """Read until the socket ends; return the code it was closed with."""
    try:
        while True:
            await within(5, client.recv())
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 0


async def test_faults_are_set_told_and_cleared_by_http():
    async with staged(Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR) as stage:
        reply = await stage.fault("drop trade every=2; restart depth at=9")
        told = [(row["fault"], row["venue"]) for row in reply.json()["faults"]]
        assert told == [
            ("drop trade every=2", "binance-spot"),
            ("drop trade every=2", "bybit-linear"),
            ("restart depth at=9", "bybit-linear"),
        ]
        wrong = await stage.fault("cut\ndrop trades")
        assert wrong.status_code == 400
        assert "not 'trades'" in wrong.text
        assert len(wrong.text.splitlines()) == 1
        assert len(await stage.struck()) == 3
        assert (await stage.heal()).json() == {"faults": [], "overrun": 0}
        assert await stage.struck() == []


async def test_a_wrong_fault_is_refused_before_anything_is_served():
    with pytest.raises(FaultError, match="no kind 'dorp'"):
        async with staged(Venue.BINANCE_SPOT, faults=("dorp trade",)):
            pass


@pytest.mark.parametrize(
    ("text", "words"),
    [("drop trade evry=5", "'evry' is not one of"), ("restart", "can strike at no venue here")],
)
def test_the_command_refuses_a_wrong_fault_in_one_line(capsys, text, words):
    asked = ["simulate", "--venue", "binance-spot", "--synthetic", "--faults", text]
    assert command(asked) == 2
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1


async def test_rest_has_every_trade_that_a_socket_lost():
    async with (
        staged(Venue.BINANCE_SPOT, faults=("drop trade every=3",)) as stage,
        stage.ws("/ws/btcusdt@aggTrade") as client,
    ):
        got = [msgspec.json.decode(await client.recv()) for _ in range(30)]
        ids = [trade["a"] for trade in got]
        missing = [i for i in range(ids[0], ids[-1]) if i not in ids]
        assert len(missing) in {14, 15}
        asked = {"symbol": "BTCUSDT", "fromId": ids[0], "limit": ids[-1] - ids[0] + 1}
        rows = (await stage.ask("/api/v3/aggTrades", **asked)).json()
        assert [row["a"] for row in rows] == list(range(ids[0], ids[-1] + 1))


async def test_a_half_open_socket_answers_nothing_while_others_live():
    async with staged(Venue.BINANCE_SPOT) as stage, stage.ws() as dead, stage.ws() as alive:
        await within(5, (await dead.ping()))
        await stage.fault("half-open client=1")
        await asyncio.sleep(0.1)
        while await _pending(dead):
            pass
        pong = await dead.ping()
        with pytest.raises(TimeoutError):
            await within(0.5, dead.recv())
        assert not pong.done()
        await within(5, alive.recv())
        await within(5, (await alive.ping()))
        assert await stage.struck() == [1]
        dead.transport.abort()


async def _pending(client: ClientConnection) -> bool:
    """Take what had arrived before; False where nothing is left."""
    try:
        await within(0.05, client.recv())
    except TimeoutError:
        return False
    return True


async def test_refused_connections_see_503_until_the_time_is_over():
    async with staged(Venue.BINANCE_SPOT) as stage:
        await stage.fault("refuse connect for=1s")
        for _ in range(3):
            with pytest.raises(InvalidStatus) as told:
                await stage.ws()
            assert told.value.response.status_code == 503
        assert await stage.struck() == [3]
        await asyncio.sleep(1)
        async with stage.ws() as client:
            await within(5, client.recv())


async def test_a_cut_closes_all_sockets_or_the_one_that_is_named():
    async with staged(Venue.BINANCE_SPOT) as stage, stage.ws() as first, stage.ws() as second:
        await stage.fault("cut client=1")
        assert await closing_code(first) == 1001
        await within(5, second.recv())
        await stage.fault("cut")
        assert await closing_code(second) == 1001
        async with stage.ws() as third:
            await within(5, third.recv())
        assert await stage.struck() == [1, 1]


async def test_a_client_that_reads_nothing_can_be_cut_and_the_others_go_on():
    async with staged(Venue.BINANCE_SPOT, speed=None) as stage:
        stuck = await stage.ws("/stream?streams=btcusdt@trade/btcusdt@depth/btcusdt@bookTicker")
        stuck.transport.pause_reading()
        await asyncio.sleep(1.0)
        async with stage.ws() as other:
            while await _pending(other):
                pass
            await stage.fault("cut client=1")
            await within(5, other.recv())
        stuck.transport.abort()


async def test_a_shutdown_is_told_by_binance_and_not_by_bybit():
    async with (
        staged(Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR) as stage,
        stage.ws("/stream") as binance,
        stage.ws("/v5/public/linear") as bybit,
    ):
        await stage.fault("shutdown grace=200ms")
        notice = msgspec.json.decode(await within(5, binance.recv()))
        assert notice["stream"] == "!serverShutdown"
        assert notice["data"]["e"] == "serverShutdown"
        assert await closing_code(binance) == 1001
        with pytest.raises(ConnectionClosed):
            await within(5, bybit.recv())


async def test_commands_pings_and_pongs_beyond_the_limit_close_the_socket():
    async with staged(Venue.BINANCE_SPOT, faults=("limit inbound=5",)) as stage:
        for speak in (
            lambda client: client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}'),
            lambda client: client.ping(),
            lambda client: client.pong(),
        ):
            async with stage.ws("/ws") as client:
                for _ in range(5):
                    await speak(client)
                await asyncio.sleep(0.2)
                await client.ping()
                assert await closing_code(client) == 1008
        async with stage.ws("/ws") as calm:
            for _ in range(5):
                await calm.ping()
            await asyncio.sleep(1.2)
            await within(5, (await calm.ping()))


async def test_rest_is_refused_in_the_venues_words_and_then_answers_again():
    async with staged(Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR) as stage:
        await stage.fault("rest 429 path=depth times=2 retry-after=2")
        for _ in range(2):
            reply = await stage.ask("/api/v3/depth", symbol="BTCUSDT")
            assert (reply.status_code, reply.headers["Retry-After"]) == (429, "2")
            assert reply.json()["code"] == -1003
        assert (await stage.ask("/api/v3/depth", symbol="BTCUSDT")).status_code == 200
        await stage.fault("rest 418 times=1 retry-after=120; rest 403 path=recent-trade")
        banned = await stage.ask("/api/v3/time")
        assert (banned.status_code, banned.headers["Retry-After"]) == (418, "120")
        assert "banned until" in banned.json()["msg"]
        asked = {"category": "linear", "symbol": "BTCUSDT"}
        forbidden = await stage.ask("/v5/market/recent-trade", **asked)
        assert forbidden.status_code == 418  # the fault without a venue struck here too
        forbidden = await stage.ask("/v5/market/recent-trade", **asked)
        assert forbidden.status_code == 403
        assert "access too frequent" in forbidden.text
        assert "Retry-After" not in forbidden.headers


async def test_a_request_that_is_never_answered_times_out_at_the_client():
    async with staged(Venue.BINANCE_SPOT) as stage:
        await stage.fault("rest timeout path=time times=1")
        with pytest.raises(TimeoutError):
            await within(0.3, stage.ask("/api/v3/time"))
        assert (await stage.ask("/api/v3/time")).status_code == 200


async def test_a_budget_that_is_enforced_bans_who_goes_on_asking():
    async with staged(Venue.BINANCE_SPOT, faults=("limit weight=8 ban=1s",)) as stage:
        replies = [await stage.ask("/api/v3/depth", symbol="BTCUSDT") for _ in range(5)]
        codes = [reply.status_code for reply in replies]
        assert codes == [200, 429, 429, 429, 418]
        assert 0 < int(replies[1].headers["Retry-After"]) <= 60
        assert replies[4].headers["Retry-After"] == "1"


@pytest.mark.parametrize("venue", [Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR])
async def test_a_gap_is_repaired_by_what_the_venue_says_next(venue):
    """The official way to start over leads to the venue's own book again."""
    bybit = venue is Venue.BYBIT_LINEAR
    path = "/v5/public/linear" if bybit else "/stream?streams=btcusdt@depth@100ms"
    async with staged(venue) as stage, stage.ws(path) as client:
        topic = "orderbook.1000.BTCUSDT"
        subscribe = msgspec.json.encode({"op": "subscribe", "args": [topic]}).decode()
        if bybit:
            await client.send(subscribe)
        await within(5, client.recv())
        await stage.fault("gap depth at=5 by=1000000000")
        newest = 0
        while True:
            message = msgspec.json.decode(await within(5, client.recv()))
            u = message.get("data", {}).get("u", newest)
            if newest and u - newest > 10**9:
                break
            newest = u
        if bybit:
            await client.send(subscribe.replace("subscribe", "unsubscribe"))
            await client.send(subscribe)
            while message.get("type") != "snapshot":
                message = msgspec.json.decode(await within(5, client.recv()))
            after = msgspec.json.decode(await within(5, client.recv()))
            assert after["data"]["u"] == message["data"]["u"] + 1
        else:
            last = (await stage.ask("/api/v3/depth", symbol="BTCUSDT")).json()["lastUpdateId"]
            assert last > 10**9 + newest
            while not message["data"]["U"] <= last + 1 <= message["data"]["u"]:
                assert message["data"]["U"] <= last + 1
                message = msgspec.json.decode(await within(5, client.recv()))


async def test_single_trades_are_found_by_id_where_they_were_recorded():
    async with (
        staged(Venue.BINANCE_SPOT, Venue.BINANCE_USDM) as stage,
        stage.ws("/ws/btcusdt@trade") as client,
    ):
        live = [msgspec.json.decode(await client.recv()) for _ in range(20)]
        asked = {"symbol": "BTCUSDT", "fromId": live[5]["t"], "limit": 3}
        rows = (await stage.ask("/api/v3/historicalTrades", **asked)).json()
        assert [row["id"] for row in rows] == [trade["t"] for trade in live[5:8]]
        first = rows[0]
        assert (first["price"], first["qty"]) == (live[5]["p"], live[5]["q"])
        assert (first["time"], first["isBuyerMaker"]) == (live[5]["T"], live[5]["m"])
        assert first["isBestMatch"] is True
        assert (await stage.ask("/fapi/v1/historicalTrades", **asked)).status_code == 404


async def test_tickers_rank_symbols_by_what_was_traded():
    venues = (Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
    async with staged(*venues, symbols=("BTCUSDT", "ETHUSDT"), speed=50.0) as stage:
        await asyncio.sleep(0.3)
        for base in ("/api/v3", "/fapi/v1"):
            rows = (await stage.ask(f"{base}/ticker/24hr")).json()
            assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
            assert all(float(row["quoteVolume"]) > 0 for row in rows)
            one = (await stage.ask(f"{base}/ticker/24hr", symbol="ETHUSDT")).json()
            assert one["lastId"] - one["firstId"] + 1 == one["count"] >= rows[1]["count"]
            assert float(one["lowPrice"]) <= float(one["lastPrice"]) <= float(one["highPrice"])
        listed = (await stage.ask("/v5/market/tickers", category="linear")).json()["result"]
        assert {row["symbol"] for row in listed["list"]} == {"BTCUSDT", "ETHUSDT"}
        assert all(float(row["turnover24h"]) > 0 for row in listed["list"])
