"""Trades that the line loses: back by REST and exact, or missing and named, id for id.

The simulator loses messages between the venue and us. What was lost is learned from the raw
capture, from the venue's own klines and from a witness on the same venue, never from the service.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from processes import ask, eventually, serving, settings, simulating
from served import (
    Line,
    assert_exact,
    bars,
    collector,
    coverage,
    each_once,
    line,
    logged,
    nothing_waits,
    state_hash,
    strike,
    trades_heard,
)
from truth import BYBIT, SPOT, USDM, Market, ids, undisturbed
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.coverage import read_ledger
from cloud_marketdata.storage.embedded import open_embedded

IMPATIENT = {"MARKETDATA_BREAKER_RECOVERY_S": "0.5"}
REFUSALS = ("rest 503 path=aggTrades", "rest 418 path=aggTrades retry-after=600")
CHANCES = ("0.005", "0.02", "0.05")
# Seeds that spare the first and the last trade: nothing can prove what lies outside of a tape.
SEEDS = (3, 5, 6)


def longer(*cases: tuple[Any, ...]) -> list[Any]:
    return [pytest.param(*case, marks=pytest.mark.long) for case in cases]


@pytest.mark.parametrize(
    ("market", "chance", "seed"),
    [(USDM, "0.05", 0), *longer(*product((SPOT, USDM), CHANCES, SEEDS))],
)
def test_trades_lost_at_random_come_back_and_every_bar_is_the_venues(
    market, chance, seed, tmp_path
):
    with (
        line(market, f"drop trade chance={chance}", seed=seed) as served,
        serving(served.env(tmp_path)) as (_, url),
    ):
        eventually(served.ended)
        struck = served.struck()
        eventually(lambda: coverage(url, served)["repaired_trades"] == struck > 50)
        eventually(lambda: nothing_waits(url, market.venue))
        assert_exact(url, served)
    assert each_once(tmp_path, market)


@pytest.mark.parametrize(
    ("market", "refusal", "seed"),
    [(USDM, REFUSALS[0], 1), *longer(*product((SPOT, USDM), REFUSALS, SEEDS))],
)
def test_with_rest_refused_exactly_the_missing_ids_are_named_and_a_killed_service_fills_them(
    market, refusal, seed, tmp_path
):
    with line(market, "drop trade chance=0.02", refusal, seed=seed) as served:
        env = served.env(tmp_path)
        with serving(env) as (process, url):
            eventually(served.ended)
            struck = served.struck()
            eventually(lambda: coverage(url, served)["missing_trades"] == struck > 50)
            known, quality = coverage(url, served), bars(url, served)["meta"]["quality"]
            process.kill()
            process.wait()
        lost = set(ids(market)) - set(logged(tmp_path, market.venue))
        assert holes(tmp_path, market) == sorted(lost)
        # Of several holes in one millisecond an interval names one; their number counts them all.
        assert told(known) <= lost
        assert len(lost) == struck
        assert quality["coverage"] < 1
        assert quality["gaps_total"] >= len(quality["gaps"]) > 0
        served.mend()
        with serving(env) as (_, url):
            eventually(lambda: coverage(url, served)["repaired_trades"] == struck)
            eventually(lambda: nothing_waits(url, market.venue))
            # They came long after their minutes had closed, all but the last one.
            eventually(lambda: all(map(revised, bars(url, served, -1)["data"])))
            assert_exact(url, served)
    assert each_once(tmp_path, market)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_bursts_between_single_losses_come_back_too(seed, tmp_path):
    with (
        line(SPOT, "drop trade chance=0.02", seed=seed, speed=100) as served,
        serving(served.env(tmp_path)) as (_, url),
    ):
        eventually(lambda: trades_heard(url, served))
        served.strike("cut every=2s times=2")
        eventually(served.ended)
        eventually(lambda: nothing_waits(url, SPOT.venue))
        eventually(lambda: coverage(url, served)["missing_trades"] == 0)
        assert_exact(url, served)
        assert coverage(url, served)["repaired_trades"] > served.struck() > 50
        assert collector(url, SPOT.venue)["sessions"]["stream"]["reconnects"] == 2
    assert each_once(tmp_path, SPOT)


def test_bybits_recent_trades_prove_that_a_cut_was_repaired(tmp_path):
    with (
        line(BYBIT, speed=6) as served,
        serving(served.env(tmp_path, **IMPATIENT)) as (_, url),
    ):
        eventually(lambda: trades_heard(url, served))
        served.strike("cut every=1500ms times=2; refuse connect for=700ms")
        served.strike("refuse connect after=1500ms for=700ms")
        expected = undisturbed(BYBIT)
        for symbol in BYBIT.symbols:
            same = partial(has_hash, url, served, symbol, expected[symbol]["state_hash"])
            eventually(same)
        eventually(lambda: nothing_waits(url, BYBIT.venue))
        backfill = collector(url, BYBIT.venue)["backfill"]
        assert (served.struck(), backfill["unrepaired"]) == (2, 0)
        assert backfill["filled"] > 0
        known = coverage(url, served)["intervals"]
        assert "repaired" in {piece["state"] for piece in known}
        assert {p["reason"] for p in known if p["state"] == "unknown"} <= {"nothing is known"}


def has_hash(url: str, served: Line, symbol: str, expected: str) -> bool:
    return state_hash(url, served, symbol) == expected


@contextmanager
def witnessed(port: int, path: str, topic: str) -> Iterator[dict[str, int]]:
    """Collect what another client of the same venue hears, which is never cut: id and time."""
    heard: dict[str, int] = {}
    with connect(f"ws://127.0.0.1:{port}{path}", compression=None) as socket:
        socket.send(msgspec.json.encode({"op": "subscribe", "args": [topic]}).decode())

        def listen() -> None:
            with suppress(ConnectionClosed):
                for frame in socket:
                    rows = msgspec.json.decode(frame).get("data", ())
                    heard.update((row["i"], row["T"]) for row in rows)

        listening = Thread(target=listen)
        listening.start()
        yield heard
    listening.join()


def test_a_cut_longer_than_bybits_memory_is_unknown_and_a_shorter_one_repaired(tmp_path):
    venue = "bybit-spot"
    playing = ("--venue", venue, "--synthetic", "--seed", 4, "--speed", 6)
    with (
        simulating(*playing) as port,
        witnessed(port, "/v5/public/spot", "publicTrade.BTCUSDT") as heard,
        serving(settings([venue], ["BTCUSDT"], port, tmp_path, **IMPATIENT)) as (_, url),
    ):
        eventually(lambda: ask(url, f"/v1/markets/{venue}/BTCUSDT/trades", limit=1)["data"])
        strike(f"http://127.0.0.1:{port}", "cut client=newest")
        eventually(lambda: pieces(url, venue, "repaired"))
        strike(f"http://127.0.0.1:{port}", "refuse connect for=3s; cut client=newest")
        [unknown] = eventually(lambda: pieces(url, venue, "unknown", "not proven repaired"))
    found = logged(tmp_path, venue)
    assert max(found.values()) == 1
    first, last = (edge(heard[one] for one in found) for edge in (min, max))
    lost = [at for one, at in heard.items() if one not in found and first < at < last]
    assert lost
    assert all(unknown["start"] <= at <= unknown["end"] for at in lost)


def pieces(url: str, venue: str, state: str, reason: str = "") -> list[dict[str, Any]]:
    """Return what the ledger says of one state, of the whole life of a synthetic market."""
    now = SystemClock().now() // 1_000_000
    span = {"start": now - 600_000, "end": now + 600_000}
    found = ask(url, f"/v1/markets/{venue}/BTCUSDT/coverage", **span)["data"]["intervals"]
    return [p for p in found if p["state"] == state and p["reason"].startswith(reason)]


def revised(bar: dict[str, Any]) -> bool:
    return bar["revision"] > 0 and bar["late"] > 0


def holes(folder: Path, market: Market) -> list[int]:
    """Return every id that the stored ledger names as missing, ascending."""

    async def read() -> list[int]:
        async with open_embedded(folder, SystemClock()) as stores:
            ledger = await read_ledger(stores, Venue(market.venue), "BTCUSDT")
            return [number for hole in ledger.missing() for number in hole.ids]

    return asyncio.run(read())


def told(known: dict[str, Any]) -> set[int]:
    """Return the ids that an answer about coverage names as missing."""
    missing = [piece for piece in known["intervals"] if piece["state"] == "missing"]
    return {n for piece in missing for n in range(piece["low_id"], piece["high_id"] + 1)}
