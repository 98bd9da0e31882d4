"""The bot of examples/: it loses no trade to a lost connection or frame, and doubts in time."""

import asyncio
import itertools
import sys
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import httpx2
import pytest
from relay import Relay, until
from written import ROOT

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def bot(url, market=()):
    """Run the bot and collect what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", str(ROOT / "examples/bot.py"), url, *market),
        stdout=asyncio.subprocess.PIPE,
    )
    lines = []

    async def read() -> None:
        while line := await process.stdout.readline():
            lines.append(line.decode().strip())

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read())
        try:
            yield lines
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await reading


def leans(lines):
    return [line for line in lines if "takers lean by" in line]


def told(frames):
    return [trade["id"] for frame in frames for trade in frame["data"]]


def trades_between(demo, first, last):
    """Return the ids that REST knows from one trade to another."""
    path = f"{demo.url}/v1/markets/binance-usdm/BTCUSDT/trades"
    start = {"start": first["ts"], "limit": 1000}
    answer = httpx2.get(path, params=start, trust_env=False).json()
    ids = [trade["id"] for trade in answer["data"]]
    return ids[ids.index(first["id"]) : ids.index(last["id"]) + 1]


async def followed(demo, cut):
    """Run the bot behind a relay until its second connection carried updates; return the relay."""
    relay = Relay(f"ws://{demo.address}/v1/stream", cut)
    async with relay.open() as url, bot(url) as lines:
        await until(lambda: len(relay.trades(1)) >= 3)
        seen = len(leans(lines))
        await until(lambda: len(leans(lines)) > seen)
    return relay, lines


def one_stream(relay):
    """Return what reached the bot, the frames of its second connection behind the first's."""
    first, second = relay.trades(0), relay.trades(1)
    asked = next(one for one in relay.asked[1]["channels"] if one["name"] == "trades")
    assert asked["from"] == {"epoch": first[-1]["epoch"], "seq": first[-1]["seq"]}
    assert second[0]["type"] == "update"
    assert second[0]["prev_seq"] == first[-1]["seq"]
    return first + second


def sums(frames):
    """Return what takers lean by after each frame of trades, 0 before the first."""
    signed = [
        Decimal(trade["size"]) * (1 if trade["side"] == "buy" else -1)
        for frame in frames
        for trade in frame["data"]
    ]
    ends = itertools.accumulate((len(frame["data"]) for frame in frames), initial=0)
    return [sum(signed[max(0, end - 200) : end], Decimal(0)) for end in ends]


async def test_a_lost_connection_costs_the_bot_no_trade(demo):
    counted = []

    def cut(number, frame) -> str:
        if number == 0 and frame.get("channel") == "trades":
            counted.append(frame)
        return "hang up" if number == 0 and len(counted) == 4 else "pass"

    relay, lines = await followed(demo, cut)

    frames = one_stream(relay)
    known = trades_between(demo, frames[0]["data"][0], frames[-1]["data"][-1])
    assert told(frames) == known
    printed = {Decimal(line.rsplit(" ", 1)[1]) for line in leans(lines)}
    assert len(printed) > 2
    assert printed <= set(sums(frames))


async def test_a_lost_frame_is_noticed_and_asked_for_again(demo):
    updates = []

    def cut(number, frame) -> str:
        if number == 0 and frame.get("channel") == "trades" and frame["type"] == "update":
            updates.append(frame)
            return "lose" if len(updates) == 2 else "pass"
        return "pass"

    relay, lines = await followed(demo, cut)

    # What came behind the lost frame reached the bot, which did not take it for the next.
    lost = updates[1]
    behind = [frame for frame in relay.trades(0) if frame["seq"] > lost["seq"]]
    assert behind[0]["prev_seq"] == lost["seq"]
    relay.reached[0] = [frame for frame in relay.reached[0] if frame not in behind]
    frames = one_stream(relay)
    assert told(frames) == trades_between(demo, frames[0]["data"][0], frames[-1]["data"][-1])
    assert len([line for line in lines if line.startswith("missed")]) == 1


async def test_the_bot_stands_aside_while_there_is_no_book(demo):
    market = ("--venue", "bybit-spot", "--symbol", "ETHUSDT")
    asked = f"{demo.url}/v1/admin/symbols/bybit-spot/ETHUSDT"
    async with bot(f"ws://{demo.address}/v1/stream", market) as lines:
        await until(lambda: len(leans(lines)) > 3)
        try:
            assert httpx2.delete(asked, trust_env=False).is_success
            await until(lambda: any(line.startswith("depth: ") for line in lines))
            doubted = len(lines)
            await asyncio.sleep(1)
            assert leans(lines[doubted:]) == []
        finally:
            assert httpx2.put(asked, trust_env=False).is_success
        await until(lambda: leans(lines[doubted:]) != [])
