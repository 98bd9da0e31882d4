"""Faults whose nature is a socket, on real sockets."""

import asyncio

import msgspec
import pytest
from faulty_stage import staged, within
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio


async def closing_code(client: ClientConnection) -> int:
    """Read until the socket ends; return the code it was closed with."""
    try:
        while True:
            await within(5, client.recv())
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 0


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


async def test_refused_connections_see_503_until_the_time_is_over(caplog):
    async with staged(Venue.BINANCE_SPOT) as stage:
        await stage.fault("refuse connect for=1s")
        for _ in range(3):
            with pytest.raises(InvalidStatus) as told:
                await stage.ws()
            assert told.value.response.status_code == 503
        assert await stage.struck() == [3]
        assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
        await asyncio.sleep(1)
        async with stage.ws() as client:
            await within(5, client.recv())


async def test_a_cut_closes_all_sockets_or_the_one_that_is_named():
    async with staged(Venue.BINANCE_SPOT) as stage, stage.ws() as first, stage.ws() as second:
        reply = await stage.fault("cut client=1")
        assert reply.json()["faults"][0]["struck"] == 1  # "now" is before the answer
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
