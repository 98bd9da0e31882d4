import asyncio
import socket
from itertools import pairwise
from random import SystemRandom

import httpx2
import pytest
from msgspec import json
from streamed import DEPTH, TRADES, ask, hear, streaming, subscribe
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cloud_marketdata.bench.stream.measure import measure
from cloud_marketdata.bench.stream.plan import Plan
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.hosting import bound_for_readers

pytestmark = pytest.mark.anyio
ONE = "channels=trades:bybit-linear:BTCUSDT"
PATIENCE_S = 30


async def closed(client):
    """Read to the end; return the messages and the close frame."""
    messages = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                messages.append(await hear(client))
    except ConnectionClosed as end:
        return messages, end.rcvd


async def test_live_trades_are_the_trades_of_rest():
    async with streaming() as served, served.connect(open_timeout=PATIENCE_S) as client:
        assert (await ask(client, subscribe(TRADES)))["ok"]
        assert (await hear(client))["type"] == "snapshot"
        await served.append(1, 5)
        update = await hear(client)
        async with httpx2.AsyncClient(trust_env=False) as rest:
            url = f"{served.url}/v1/markets/bybit-linear/BTCUSDT/trades"
            answer = (await rest.get(url)).json()

        assert update["type"] == "update"
        assert update["data"] == answer["data"]


async def test_a_reader_that_lags_is_told_off_and_resumes_without_a_hole():
    async with streaming(stream_outbox_kb=64) as served:
        async with served.connect(open_timeout=PATIENCE_S, max_queue=1) as client:
            await ask(client, subscribe(TRADES))
            await served.append(1, 10)
            first = 11
            # Nobody reads: the client's own buffers, the kernel's and ours fill up.
            while served.service.serving.readers._open and not any(
                one.outbox.parting for one in served.service.serving.readers._open.values()
            ):
                await served.append(first, 1000)
                first += 1000
                await asyncio.sleep(0.02)
            messages, end = await closed(client)

        assert (end.code, end.reason) == (4408, "slow_reader")
        farewell = messages.pop()
        last = farewell["last"][0]
        heard = [
            trade["id"] for one in messages if one["type"] == "update" for trade in one["data"]
        ]
        assert (last["epoch"], last["seq"]) == (messages[-1]["epoch"], messages[-1]["seq"])
        await served.append(first, 1)

        place = {"epoch": last["epoch"], "seq": last["seq"]}
        async with served.connect() as client:
            await ask(client, subscribe(TRADES | {"from": place}))
            told: list[str] = []
            # What the live tail has not looked at yet comes behind `caught_up`.
            while "caught_up" not in told or heard[-1] != f"t{first}":
                message = await hear(client)
                told.append(message["type"])
                if message["type"] == "update":
                    heard += [trade["id"] for trade in message["data"]]

        assert heard == [f"t{n}" for n in range(1, first + 1)]
        assert served.service.serving.readers.parted == {"slow_reader": 1}


async def test_a_reader_of_a_book_that_lags_gets_a_fresh_one_and_goes_on_from_there():
    async with (
        streaming(stream_outbox_kb=64, stream_depth_ms=10) as served,
        served.connect(open_timeout=PATIENCE_S, max_queue=1) as client,
    ):
        await served.publish(1)
        await ask(client, subscribe(DEPTH))
        (reader,) = served.service.serving.readers._open.values()
        update = 1
        while DEPTH["name"] not in [channel.name for channel in reader.outbox._behind]:
            update += 1
            await served.publish(update)
            await asyncio.sleep(0.015)
        messages = [await hear(client)]
        while messages[-1].get("data", {}).get("update_id") != update:
            messages.append(await hear(client))

        told = next(n for n, one in enumerate(messages) if one["type"] == "status")
        assert messages[told]["data"]["conflated"] > 0
        assert messages[told + 1]["type"] == "snapshot"
        assert messages[told]["seq"] == messages[told + 1]["seq"]
        for before, after in pairwise(messages):
            assert after["type"] != "update" or after["prev_seq"] == before["seq"]
        assert served.service.serving.readers.parted == {}


async def test_a_reader_too_many_and_a_message_too_long_are_refused():
    async with (
        streaming(stream_connections=1) as served,
        served.connect(open_timeout=PATIENCE_S) as client,
    ):
        with pytest.raises(InvalidStatus) as refused:
            await served.connect()
        response = refused.value.response
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert json.decode(response.body)["code"] == "too_many_connections"

        assert (await ask(client, "x" * 70_000))["code"] == "too_large"
        await client.send("x" * 300_000)
        _, end = await closed(client)
        assert end.code == 1009


async def updates(response):
    """Yield the id and the frame of each update among the events."""
    place = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            place = value
        elif field == "data" and (frame := json.decode(value))["type"] == "update":
            yield place, frame


async def test_events_carry_the_frames_uncompressed_and_go_on_behind_the_last_one():
    async with (
        streaming() as served,
        httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as rest,
    ):
        url = f"{served.url}/v1/stream/sse?{ONE}"
        headers = {"Accept-Encoding": "zstd, gzip"}
        async with rest.stream("GET", url, headers=headers) as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in events.headers
            await served.append(1, 1)
            place, first = await anext(updates(events))
        await served.append(2, 1)
        async with rest.stream("GET", url, headers={"Last-Event-ID": place}) as events:
            _, second = await anext(updates(events))

        assert [one["id"] for one in first["data"]] == ["t1"]
        assert [one["id"] for one in second["data"]] == ["t2"]
        assert second["prev_seq"] == first["seq"]


async def test_a_stop_tells_every_reader_and_waits_for_none():
    async with (
        streaming() as served,
        served.connect(open_timeout=PATIENCE_S) as client,
        httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as rest,
        rest.stream("GET", f"{served.url}/v1/stream/sse?{ONE}") as events,
    ):
        await ask(client, subscribe(TRADES))
        served.stopped.set()
        messages, end = await closed(client)
        assert (end.code, messages[-1]["code"]) == (1012, "stopping")
        text = "".join([line async for line in events.aiter_lines()])
        # Waited for until the end of its patience, the server would have cut it without a word.
        assert '"code":"stopping"' in text


async def test_fifty_readers_miss_nothing_beside_one_that_never_reads():
    found = await measure(
        Plan(clients=50, rate=20, seconds=2, stuck=1), SystemClock(), SystemRandom()
    )

    assert found["missing"] == 0
    assert found["closed"] == 0
    assert found["parted"] == {"slow_reader": 1}
    # What waits for one reader is bounded, so its presence hardly shows.
    assert found["rss_after_mb"] - found["rss_connected_mb"] < 60


def test_connections_inherit_a_small_buffer_and_an_end_to_patience():
    with (
        bound_for_readers("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            # Linux keeps twice what was asked for.
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 64 * 1024
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
