"""A Binance client on real sockets finds Binance: paths, commands, errors, frames, books."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
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
Json = Any


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await main()

    asyncio.run(bounded())


@asynccontextmanager
async def seeded(*venues: Venue, **options: object) -> AsyncIterator[int]:
    async with simulate(Simulation(venues=venues, seed=3, **options), SystemClock()) as port:
        yield port


def ws(port: int, path: str) -> connect:
    return connect(f"ws://127.0.0.1:{port}{path}", compression=None, max_size=None, max_queue=None)


async def said(client: ClientConnection, **command: Json) -> Json:
    """Send a command and return its reply; data frames on the way are skipped."""
    await client.send(msgspec.json.encode(command).decode())
    while True:
        message = msgspec.json.decode(await client.recv())
        if "id" in message or "code" in message:
            return message


async def rest(port: int, path: str, **params: Json) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}", params=params)


async def silent(client: ClientConnection, seconds: float = 0.4) -> bool:
    try:
        await asyncio.wait_for(client.recv(), seconds)
    except TimeoutError:
        return True
    return False


def test_commands_are_acknowledged_listed_and_refused_in_binances_words():
    async def main() -> None:
        async with seeded(Venue.BINANCE_SPOT) as port, ws(port, "/ws") as client:
            reply = await said(client, method="SUBSCRIBE", params=["btcusdt@trade"], id=7)
            assert reply == {"result": None, "id": 7}
            listed = await said(client, method="LIST_SUBSCRIPTIONS", id="x")
            assert listed == {"result": ["btcusdt@trade"], "id": "x"}
            await said(client, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=8)
            assert (await said(client, method="LIST_SUBSCRIPTIONS", id=9))["result"] == []
            assert (await said(client, method="DANCE", id=1))["code"] == 2
            assert (await said(client, method="SUBSCRIBE", params="x", id=1))["code"] == 2
            assert (await said(client, params=[], id=1))["code"] == 2
            prop = {"method": "SET_PROPERTY", "id": 1}
            assert (await said(client, **prop, params=["combined", 3]))["code"] == 1
            assert (await said(client, **prop, params=["other", True]))["code"] == 0
            assert (await said(client, **prop, params=["combined", True]))["result"] is None
            get = await said(client, method="GET_PROPERTY", params=["combined"], id=1)
            assert get["result"] is True
            await client.send("{nonsense")
            assert msgspec.json.decode(await client.recv())["code"] == 3

    run(main)


def test_combined_and_raw_paths_frame_the_same_event_their_own_way():
    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_SPOT) as port,
            ws(port, "/stream?streams=btcusdt@trade") as combined,
            ws(port, "/ws/btcusdt@trade/btcusdt@bookTicker") as raw,
        ):
            wrapped = msgspec.json.decode(await combined.recv())
            assert wrapped["stream"] == "btcusdt@trade"
            while (bare := msgspec.json.decode(await raw.recv())).get("t") != wrapped["data"]["t"]:
                assert "stream" not in bare
            assert bare == wrapped["data"]

    run(main)


def test_an_unknown_symbol_is_acknowledged_and_silent():
    async def main() -> None:
        async with seeded(Venue.BINANCE_SPOT) as port, ws(port, "/stream") as client:
            names = ["nosuch@trade", "BTCUSDT@trade", "btcusdt@nonsense"]
            assert (await said(client, method="SUBSCRIBE", params=names, id=1))["result"] is None
            assert await silent(client)

    run(main)


def test_usdm_streams_come_on_their_own_path_only():
    places = {
        ("/public/stream", "btcusdt@depth@100ms"): True,
        ("/public/stream", "btcusdt@bookTicker"): True,
        ("/public/ws", "btcusdt@trade"): True,
        ("/market/stream", "btcusdt@aggTrade"): True,
        ("/market/stream", "btcusdt@depth@100ms"): False,
        ("/market/ws", "btcusdt@trade"): False,
        ("/public/stream", "btcusdt@aggTrade"): False,
        ("/stream", "btcusdt@aggTrade"): False,
        ("/ws", "btcusdt@depth@100ms"): False,
    }

    async def heard(port: int, path: str, stream: str) -> bool:
        async with ws(port, path) as client:
            reply = await said(client, method="SUBSCRIBE", params=[stream], id=1)
            assert reply == {"result": None, "id": 1}
            return not await silent(client, 1.0)

    async def main() -> None:
        async with seeded(Venue.BINANCE_USDM, speed=5.0) as port:
            found = await asyncio.gather(*(heard(port, *place) for place in places))
            assert dict(zip(places, found, strict=True)) == places

    run(main)


def test_rest_answers_with_weights_and_binances_errors():
    async def main() -> None:
        async with seeded(Venue.BINANCE_SPOT, Venue.BINANCE_USDM) as port:
            assert (await rest(port, "/api/v3/ping")).json() == {}
            assert (await rest(port, "/fapi/v1/time")).json()["serverTime"] > 1_700_000_000_000
            info = (await rest(port, "/fapi/v1/exchangeInfo")).json()["symbols"][0]
            grids = {row["filterType"]: row for row in info["filters"]}
            assert (info["symbol"], grids["PRICE_FILTER"]["tickSize"]) == ("BTCUSDT", "0.10")
            assert grids["LOT_SIZE"]["stepSize"] == "0.001"
            depth = await rest(port, "/api/v3/depth", symbol="BTCUSDT", limit=5)
            assert depth.headers["X-MBX-USED-WEIGHT-1M"] == "6"
            assert set(depth.json()) == {"lastUpdateId", "bids", "asks"}
            assert len(depth.json()["asks"]) == 5
            usdm = await rest(port, "/fapi/v1/depth", symbol="BTCUSDT", limit=100)
            assert set(usdm.json()) == {"lastUpdateId", "E", "T", "bids", "asks"}
            for path, params, code in (
                ("/api/v3/depth", {"symbol": "NOSUCH"}, -1121),
                ("/api/v3/depth", {}, -1102),
                ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "x"}, -1100),
                ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": 0}, -1130),
                ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 7}, -4021),
                ("/api/v3/exchangeInfo", {"symbol": "NOSUCH"}, -1121),
                ("/api/v3/aggTrades", {"symbol": "BTCUSDT", "limit": 1001}, -1130),
                ("/fapi/v1/aggTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, -1128),
            ):
                reply = await rest(port, path, **params)
                assert (reply.status_code, reply.json()["code"]) == (400, code)
                assert reply.json()["msg"]

    run(main)


def test_agg_trades_are_found_by_id_and_time_without_a_hole():
    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_SPOT, speed=20.0) as port,
            ws(port, "/ws/btcusdt@aggTrade") as client,
        ):
            live = [msgspec.json.decode(await client.recv()) for _ in range(50)]
            assert live[0]["e"] == "aggTrade"
            ids = [row["a"] for row in live]
            assert ids == list(range(ids[0], ids[0] + 50))
            path, first = "/api/v3/aggTrades", {"symbol": "BTCUSDT", "fromId": ids[10], "limit": 5}
            rows = (await rest(port, path, **first)).json()
            fields = ("a", "p", "q", "f", "l", "T", "m", "M")
            assert rows == [{name: row[name] for name in fields} for row in live[10:15]]
            within = {"symbol": "BTCUSDT", "startTime": live[20]["T"], "endTime": live[30]["T"]}
            timed = [row["a"] for row in (await rest(port, path, **within)).json()]
            assert timed == [r["a"] for r in live if live[20]["T"] <= r["T"] <= live[30]["T"]]

    run(main)


def recorded(*names: str) -> tuple[Path, ...]:
    paths = tuple(DATA / f"{name}.gz" for name in names)
    if not paths[0].exists():
        pytest.skip("the captures of ../shared/data are not here")
    return paths


async def everything(client: ClientConnection, count: int) -> list[bytes]:
    return [await client.recv(decode=False) for _ in range(count)]


def test_a_capture_arrives_byte_for_byte_and_complete_at_full_speed():
    paths = recorded("spot_btcusdt_20240808")
    kept = [f.payload for f in read_capture(paths) if b"@bookTicker" not in f.payload[:40]]
    sent = [payload for payload in kept if payload.startswith(b'{"stream"')]

    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_SPOT, captures=paths, speed=None) as port,
            ws(port, "/stream") as client,
        ):
            names = ["btcusdt@trade", "btcusdt@depth@100ms"]
            assert (await said(client, method="SUBSCRIBE", params=names, id=1))["result"] is None
            assert await everything(client, len(sent)) == sent
            assert await silent(client)
            newest = msgspec.json.decode(sent[-1])["data"]
            rows = (await rest(port, "/api/v3/aggTrades", symbol="BTCUSDT", limit=1)).json()
            trades = [p for p in sent if p.startswith(b'{"stream":"btcusdt@trade"')]
            assert rows[0]["a"] == msgspec.json.decode(trades[-1])["data"]["t"]
            assert newest["s"] == "BTCUSDT"

    run(main)


def test_depth_is_served_under_the_name_that_was_asked_for():
    paths = recorded("usdm_btcusdt_20240808")
    heads = [frame.payload[:40] for frame in read_capture(paths)]
    depths, fills = (sum(kind in head for head in heads) for kind in (b"@depth@0ms", b"@trade"))

    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_USDM, captures=paths, speed=None) as port,
            ws(port, "/public/stream?streams=btcusdt@depth@100ms") as book,
            ws(port, "/market/stream?streams=btcusdt@aggTrade") as trades,
        ):
            frames, events = await asyncio.gather(
                everything(book, depths), everything(trades, fills)
            )
            assert {msgspec.json.decode(f)["stream"] for f in frames} == {"btcusdt@depth@100ms"}
            trade = msgspec.json.decode(events[0])["data"]
            assert trade["e"] == "aggTrade"
            assert trade["a"] == trade["f"] == trade["l"] == 5266583935
            assert (trade["p"], trade["q"], trade["nq"]) == ("61800.30", "0.006", "0.006")

    run(main)


def test_the_insurance_fund_is_left_out_of_aggregates():
    paths = recorded("usdm_btcusdt_20230404", "usdm_btcusdt_20230405")
    trades = [
        msgspec.json.decode(frame.payload)["data"]
        for frame in read_capture(paths)
        if b"@trade" in frame.payload[:30]
    ]
    kept = [trade["t"] for trade in trades if trade["X"] != "INSURANCE_FUND"]
    assert len(kept) == len(trades) - 1

    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_USDM, captures=paths, speed=None, start_after_s=0.1) as port,
            ws(port, "/market/ws/btcusdt@aggTrade") as client,
        ):
            received = await everything(client, len(kept))
            assert [msgspec.json.decode(event)["a"] for event in received] == kept

    run(main)


class _Book:
    """A client's own book by the rules of the venue's page, the official way."""

    def __init__(self, snapshot: Json, *, usdm: bool) -> None:
        self.id = snapshot["lastUpdateId"]
        self.usdm, self.joined = usdm, False
        self.bids, self.asks = dict(snapshot["bids"]), dict(snapshot["asks"])

    def apply(self, event: Json) -> None:
        if event["u"] < self.id or (not self.usdm and event["u"] <= self.id):
            return
        if not self.usdm:
            assert event["U"] <= self.id + 1
        elif self.joined:
            assert event["pu"] == self.id
        else:
            assert event["U"] <= self.id <= event["u"] or event["pu"] == self.id
        self.joined, self.id = True, event["u"]
        for side, changes in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, size in changes:
                side[price] = size
                if not Decimal(size):
                    del side[price]


@pytest.mark.parametrize("wait_for", [0, 1, 5, 400])
@pytest.mark.parametrize(
    ("venue", "file", "base", "path"),
    [
        (Venue.BINANCE_SPOT, "spot_btcusdt_20240808", "/api/v3", "/stream"),
        (Venue.BINANCE_USDM, "usdm_btcusdt_20240808", "/fapi/v1", "/public/stream"),
    ],
)
def test_a_book_joins_at_full_speed_wherever_the_snapshot_is_asked(
    venue, file, base, path, wait_for
):
    paths = recorded(file)
    depth = [f.payload for f in read_capture(paths) if b"@depth" in f.payload[:40]]
    kind = msgspec.json.decode(depth[0])["stream"]

    async def main() -> None:
        async with (
            seeded(venue, captures=paths, speed=None, start_after_s=0.05) as port,
            ws(port, f"{path}?streams={kind}") as client,
        ):
            early = await everything(client, wait_for)
            snapshot = (await rest(port, f"{base}/depth", symbol="BTCUSDT", limit=1000)).json()
            events = [*early, *await everything(client, len(depth) - wait_for)]
            assert events == depth
            book = _Book(snapshot, usdm=venue is Venue.BINANCE_USDM)
            for event in events:
                book.apply(msgspec.json.decode(event)["data"])
            assert book.joined or book.id == msgspec.json.decode(depth[-1])["data"]["u"]
            last = (await rest(port, f"{base}/depth", symbol="BTCUSDT", limit=10)).json()
            assert book.id == last["lastUpdateId"]
            best = sorted(book.bids.items(), key=lambda level: -Decimal(level[0]))[:10]
            assert [list(level) for level in best] == last["bids"]

    run(main)


def test_a_capture_waits_until_trades_and_book_both_have_a_listener():
    paths = recorded("spot_btcusdt_20240808")

    async def main() -> None:
        async with (
            seeded(Venue.BINANCE_SPOT, captures=paths, start_after_s=30.0) as port,
            ws(port, "/ws/btcusdt@depth@100ms") as book,
        ):
            assert await silent(book)
            async with ws(port, "/ws/btcusdt@trade"):
                assert not await silent(book, 2.0)

    run(main)


def test_a_recording_without_a_snapshot_has_no_depth_to_give():
    paths = recorded("spot_btcusdt_20230405_nosnapshot")

    async def main() -> None:
        async with seeded(Venue.BINANCE_SPOT, captures=paths) as port:
            reply = await rest(port, "/api/v3/depth", symbol="BTCUSDT")
            assert (reply.status_code, reply.json()["code"]) == (503, -1001)

    run(main)


def test_two_venues_on_one_port_keep_their_markets_apart():
    async def main() -> None:
        async with seeded(Venue.BINANCE_SPOT, Venue.BINANCE_USDM) as port:
            spot = (await rest(port, "/api/v3/depth", symbol="BTCUSDT", limit=5)).json()
            usdm = (await rest(port, "/fapi/v1/depth", symbol="BTCUSDT", limit=5)).json()
            assert len(spot["bids"][0][0].partition(".")[2]) == 8
            assert len(usdm["bids"][0][0].partition(".")[2]) == 2
            assert spot["lastUpdateId"] != usdm["lastUpdateId"]

    run(main)
