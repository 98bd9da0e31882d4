"""A Bybit client on real sockets finds Bybit: batches, snapshots, deltas, heartbeats, REST."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import read_capture
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT")
Json = Any


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await main()

    asyncio.run(bounded())


def seeded(*venues: Venue, **options: object) -> AbstractAsyncContextManager[int]:
    return simulate(Simulation(venues=venues, seed=3, **options), SystemClock())


def ws(port: int, category: str) -> connect:
    uri = f"ws://127.0.0.1:{port}/v5/public/{category}"
    return connect(uri, compression=None, max_size=None, max_queue=None)


async def said(client: ClientConnection, **command: Json) -> Json:
    """Send a command and return its reply; data frames on the way are skipped."""
    await client.send(msgspec.json.encode(command).decode())
    while "success" not in (message := msgspec.json.decode(await client.recv())):
        pass
    return message


async def rest(port: int, name: str, **params: Json) -> Json:
    async with httpx2.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://127.0.0.1:{port}/v5/market/{name}", params=params)
    assert reply.status_code == 200
    return reply.json()


def capture() -> tuple[Path]:
    path = DATA / "bybit_linear_20260809.gz"
    if not path.exists():
        pytest.skip("the captures of ../shared/data are not here")
    return (path,)


def test_each_category_answers_pings_and_subscriptions_its_own_way():
    async def main() -> None:
        async with (
            seeded(Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR) as port,
            ws(port, "spot") as spot,
            ws(port, "linear") as linear,
        ):
            pong = await said(spot, op="ping")
            assert pong.pop("conn_id")
            assert pong == {"success": True, "ret_msg": "pong", "op": "ping"}
            assert (await said(linear, op="ping", req_id="9"))["req_id"] == "9"
            args = ["publicTrade.BTCUSDT"]
            for client, words in ((spot, "subscribe"), (linear, "")):
                reply = await said(client, op="subscribe", args=args, req_id="a")
                assert reply.pop("conn_id")
                told = {"success": True, "ret_msg": words, "req_id": "a", "op": "subscribe"}
                assert reply == told
            assert (await said(spot, op="unsubscribe", args=args))["ret_msg"] == "unsubscribe"
            assert (await said(spot, op="subscribe", args=args))["success"] is True
            assert (await said(linear, op="dance"))["success"] is False
            await linear.send("nonsense")
            while "success" not in (reply := msgspec.json.decode(await linear.recv())):
                pass
            assert reply["success"] is False

    run(main)


@pytest.mark.parametrize(
    ("category", "batch", "words"),
    [
        ("spot", ["orderbook.50.BTCUSDT"] * 11, "args size >10"),
        ("linear", ["orderbook.50.NOSUCH"], "error:handler not found,topic:orderbook.50.NOSUCH"),
        (
            "linear",
            ["orderbook.500.BTCUSDT"],
            "error:handler not found,topic:orderbook.500.BTCUSDT",
        ),
        ("spot", ["nonsense"], "error:handler not found,topic:nonsense"),
        ("spot", ["publicTrade.BTCUSDT"], "error:already subscribed,topic:publicTrade.BTCUSDT"),
    ],
)
def test_one_bad_topic_fails_its_whole_batch(category, batch, words):
    async def main() -> None:
        venues = (Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR)
        async with seeded(*venues) as port, ws(port, category) as client:
            await said(client, op="subscribe", args=["publicTrade.BTCUSDT"])
            refused = await said(client, op="subscribe", args=["orderbook.1.BTCUSDT", *batch][-11:])
            assert (refused["success"], refused["ret_msg"]) == (False, words)
            again = await said(client, op="subscribe", args=["orderbook.1.BTCUSDT"])
            assert again["success"] is True

    run(main)


@pytest.mark.parametrize("depth", [1, 50, 200, 1000])
def test_a_book_topic_begins_with_a_snapshot_and_goes_on_by_one(depth):
    async def main() -> None:
        async with seeded(Venue.BYBIT_LINEAR, speed=5.0) as port, ws(port, "linear") as client:
            topics = [f"orderbook.{depth}.BTCUSDT", "orderbook.1000.BTCUSDT"]
            await said(client, op="subscribe", args=list(dict.fromkeys(topics)))
            books: dict[str, Json] = {}
            for _ in range(60):
                message = msgspec.json.decode(await client.recv())
                data, topic = message["data"], message["topic"]
                if message["type"] == "delta":
                    assert data["u"] == books[topic]["u"] + 1
                else:
                    assert topic not in books or depth == 1
                    books[topic] = {"b": {}, "a": {}}
                book = books[topic]
                book["u"] = data["u"]
                for side in ("b", "a"):
                    book[side] |= dict(data[side])
                    book[side] = {p: size for p, size in book[side].items() if size != "0"}
                    assert topic == topics[1] or len(book[side]) == depth
                cut, whole = (books.get(topic) for topic in topics)
                if cut and whole and cut["u"] == whole["u"]:
                    best = sorted(whole["b"].items(), key=lambda row: -Decimal(row[0]))[:depth]
                    assert dict(best) == cut["b"]

    run(main)


def test_a_capture_arrives_byte_for_byte_and_complete_at_full_speed():
    paths = capture()
    held = [f.payload for f in read_capture(paths)]
    sent = [p for p in held if b'"publicTrade.' in p[:30] or b'"orderbook.200.' in p[:30]]

    async def main() -> None:
        async with (
            seeded(Venue.BYBIT_LINEAR, captures=paths, speed=None) as port,
            ws(port, "linear") as client,
        ):
            topics = [f"{kind}.{s}" for kind in ("orderbook.200", "publicTrade") for s in SYMBOLS]
            assert (await said(client, op="subscribe", args=topics))["success"]
            assert [await client.recv(decode=False) for _ in sent] == sent
            newest = [p for p in sent if p.startswith(b'{"topic":"orderbook.200.SOLUSDT"')][-1]
            book = (await rest(port, "orderbook", category="linear", symbol="SOLUSDT"))["result"]
            assert book["u"] == msgspec.json.decode(newest)["data"]["u"]
            assert (len(book["b"]), len(book["a"])) == (25, 25)

    run(main)


def test_a_late_reader_gets_a_snapshot_that_the_next_delta_continues():
    paths = capture()
    topic = "orderbook.200.BTCUSDT"
    whole = [
        f.payload
        for f in read_capture(paths)
        if f.payload.startswith(b'{"topic":"%b"' % topic.encode())
    ]

    async def main() -> None:
        async with (
            seeded(Venue.BYBIT_LINEAR, captures=paths, speed=40.0, start_after_s=0.0) as port,
            ws(port, "linear") as first,
            ws(port, "linear") as late,
        ):
            await said(first, op="subscribe", args=[topic])
            early = [await first.recv(decode=False) for _ in range(50)]
            assert early == whole[:50]
            await said(late, op="subscribe", args=[topic])
            snapshot = msgspec.json.decode(await late.recv())
            assert (snapshot["type"], snapshot["topic"]) == ("snapshot", topic)
            delta = await late.recv(decode=False)
            assert msgspec.json.decode(delta)["data"]["u"] == snapshot["data"]["u"] + 1
            assert delta in whole

    run(main)


def test_rest_tells_instruments_books_and_the_newest_trades():
    async def main() -> None:
        async with (
            seeded(Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR, speed=20.0) as port,
            ws(port, "spot") as client,
        ):
            await said(client, op="subscribe", args=["publicTrade.BTCUSDT"])
            for _ in range(40):
                message = msgspec.json.decode(await client.recv())
            trades = (await rest(port, "recent-trade", category="spot", symbol="BTCUSDT"))["result"]
            assert len(trades["list"]) == 60
            times = [int(row["time"]) for row in trades["list"]]
            assert times == sorted(times, reverse=True)
            newest = trades["list"][0]["execId"]
            while message["data"][-1]["i"] != newest:
                message = msgspec.json.decode(await client.recv())
            spot = (await rest(port, "instruments-info", category="spot"))["result"]["list"][0]
            assert (spot["symbol"], spot["status"]) == ("BTCUSDT", "Trading")
            assert spot["lotSizeFilter"]["basePrecision"] == "0.000001"
            linear = (await rest(port, "instruments-info", category="linear"))["result"]["list"][0]
            assert linear["priceFilter"]["tickSize"] == "0.10"
            assert linear["lotSizeFilter"]["qtyStep"] == "0.001"
            assert int((await rest(port, "time"))["result"]["timeNano"]) > 10**18
            book = (await rest(port, "orderbook", category="spot", symbol="BTCUSDT"))["result"]
            assert (len(book["b"]), len(book["a"])) == (1, 1)

    run(main)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("orderbook", {"category": "linear", "symbol": "NOSUCH"}),
        ("orderbook", {"category": "linear", "symbol": "BTCUSDT", "limit": 1001}),
        ("recent-trade", {"category": "spot", "symbol": "BTCUSDT"}),
        ("recent-trade", {"category": "linear", "symbol": "BTCUSDT", "limit": "x"}),
        ("instruments-info", {}),
    ],
)
def test_rest_refusals_are_told_in_ret_code(name, params):
    async def main() -> None:
        async with seeded(Venue.BYBIT_LINEAR) as port:
            reply = await rest(port, name, **params)
            assert (reply["retCode"], reply["result"]) == (10001, {})
            assert reply["retMsg"]

    run(main)
