"""Faults that are set by HTTP, and faults of REST, as a client of REST sees them."""

import asyncio

import msgspec
import pytest
from faulty_stage import staged, within

from cloud_marketdata.cli import run as command
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.faults.language import FaultError

pytestmark = pytest.mark.anyio


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
