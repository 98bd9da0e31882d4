"""Profile, order flow, candles, anomalies, status: REST's answer, and then only what changed in it.

The law of them all: a snapshot with all updates applied is the answer that REST gives now.
"""

from itertools import groupby

import pytest
from applied import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from studio import channel, studio
from tape import BASE, BTC, MINUTE, TAPE, ms, trade

from cloud_marketdata.api.flow.questions import OrderFlowQuestion
from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.api.signals.questions import AnomaliesQuestion
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, Subject
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S

pytestmark = pytest.mark.anyio
MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
START = BASE // NS_PER_MS
LOOK_S = 1.0
ASKED = {
    "volume-profile": [{"start": START}, {"rolling": 12}, {}, {"start": START, "row_ticks": 3}],
    "order-flow": [{"start": START}, {}, {"start": START, "timeframe": "15s"}],
    "candles": [{"start": START}, {"start": START, "timeframe": "5s", "fill": "flat"}],
    "anomalies": [{"start": START}, {"start": START, "kinds": "sweep"}],
}
QUESTIONS = {
    "volume-profile": (ProfileQuestion, lambda queries: queries.volume_profile),
    "order-flow": (OrderFlowQuestion, lambda queries: queries.flow.order_flow),
    "candles": (CandlesQuestion, lambda queries: queries.candles),
    "anomalies": (AnomaliesQuestion, lambda queries: queries.signals.market),
}
CASES = [(name, params) for name, cases in ASKED.items() for params in cases]


def signal(name: str, at_ms: int, **changed: object) -> Signal:
    time = BASE + at_ms * NS_PER_MS
    given = {
        "id": name,
        "kind": SignalKind.SWEEP,
        "instrument": BTC,
        "start": time,
        "detected": time,
        "end": None,
        "state": SignalState.OPEN,
        "severity": Severity.INFO,
        "statistic": 1.25,
        "threshold": 1.0,
        "baseline": None,
        "detector": "sweep",
        "version": 1,
    }
    return Signal(**given | changed)


async def answered(stage, name: str, params: dict) -> dict:
    question, asks = QUESTIONS[name]
    answer = await asks(stage.market.queries)(question(**MARKET, **params))
    return answer.model_dump(mode="json")


async def live_on(stage, step: tuple[int, int, int]) -> None:
    """Let something happen: trades, a telling of a signal, a save."""
    trades, told, saved = step
    at = len(
        [e for r in await stage.stores.log.read(stage.market.stream, limit=1000) for e in r.events]
    )
    await stage.market.append(TAPE[at : at + trades])
    subject = Subject.market(BTC.venue, BTC.symbol)
    one = signal(f"s{told}", told * 1000, revision=at, end=BASE + at * NS_PER_MS)
    await stage.stores.flow.tell(subject, [one])
    if saved:
        await stage.market.save(BASE + saved * MINUTE)
    await stage.clock.move(LOOK_S)


_steps = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=3
)


@pytest.mark.parametrize(("name", "params"), CASES)
@settings(max_examples=5)
@given(steps=_steps)
async def test_snapshot_and_updates_applied_are_the_answer_of_rest(name, params, steps):
    async with studio() as stage:
        await stage.market.append(TAPE[:5])
        to, client = channel(name, **params), Client()
        ear = await stage.listen(to)
        assert {key: ear.frames[0][key] for key in ("data", "meta")} == await answered(
            stage, name, params
        )
        for step in steps:
            await live_on(stage, step)
            late = await stage.listen(to)
            while ear.frames:
                client.take(ear.frames.pop(0))
            now = await answered(stage, name, params)
            assert late.frames[0]["data"] == client.data == now["data"]
            assert late.frames[0]["meta"] == client.meta == now["meta"]
            assert late.frames[0]["seq"] == client.seq


async def test_the_open_bar_grows_and_is_told_final_when_it_has_closed():
    async with studio() as stage:
        await stage.market.append([trade(1, 100)])
        ear = await stage.listen(channel("candles", start=START))
        await stage.market.append([trade(2, 200)])
        await stage.clock.move(LOOK_S)
        await stage.market.append([trade(3, 60_100)])
        await stage.market.save(BASE + MINUTE)
        await stage.clock.move(LOOK_S)

    first, second = ear.of("update")
    assert [(bar["count"], bar["final"]) for bar in ear.frames[0]["data"]] == [(1, False)]
    assert [(bar["count"], bar["final"]) for bar in first["data"]["candles"]] == [(2, False)]
    told = [(bar["open_time"] - START, bar["final"]) for bar in second["data"]["candles"]]
    assert told == [(0, True), (60_000, False)]


async def test_an_update_holds_the_rows_that_changed_and_no_others():
    async with studio() as stage:
        await stage.market.append([trade(1, 100, price=10), trade(2, 200, price=20)])
        ear = await stage.listen(channel("volume-profile", start=START, row_ticks=1))
        await stage.market.append([trade(3, 300, price=20), trade(4, 400, price=30)])
        await stage.clock.move(LOOK_S)

    (update,) = ear.of("update")
    assert [row["low"] for row in update["data"]["rows"]] == ["2.0", "3.0"]
    assert update["data"]["removed"] == []
    assert update["data"]["count"] == 4


async def test_a_new_anomaly_and_a_later_telling_are_each_told_once():
    async with studio() as stage:
        await stage.market.append(TAPE[:5])
        subject = Subject.market(BTC.venue, BTC.symbol)
        await stage.stores.flow.tell(subject, [signal("a", 10)])
        ear = await stage.listen(channel("anomalies", start=START))
        told = [signal("b", 20), signal("a", 10, revision=1, state=SignalState.HELD)]
        for number, one in enumerate(told):
            await stage.stores.flow.tell(subject, [one])
            await stage.market.append(TAPE[5 + number : 6 + number])
            await stage.clock.move(LOOK_S)
        await stage.clock.move(20)

    heard = [one for frame in ear.of("update") for one in frame["data"]["anomalies"]]
    assert [(one["id"], one["state"]) for one in heard] == [("b", "open"), ("a", "held")]


async def test_trades_that_roll_out_of_a_range_take_their_rows_with_them():
    async with studio(now=BASE + 30 * 1_000_000_000) as stage:
        await stage.market.append([trade(1, 100, price=10), trade(2, 29_000, price=20)])
        ear = await stage.listen(channel("volume-profile", rolling=1, row_ticks=1))
        await stage.clock.move(40)

    gone = [key for frame in ear.of("update") for key in frame["data"]["removed"]]
    assert [row["low"] for row in ear.frames[0]["data"]["rows"]] == ["1.0", "2.0"]
    assert gone == ["1.0"]


async def test_nothing_is_asked_while_nothing_is_logged_but_the_age_is_told_now_and_then(
    monkeypatch,
):
    async with studio(stream_heartbeat_s=5) as stage:
        await stage.market.append(TAPE[:5])
        asked = []
        ask = stage.market.queries.volume_profile

        async def counted(question: object) -> object:
            asked.append(question)
            return await ask(question)

        monkeypatch.setattr(stage.market.queries, "volume_profile", counted)
        ear = await stage.listen(channel("volume-profile", start=START))
        await stage.clock.move(9.5)

    # The check, the join, and the feed's own look after five seconds.
    assert len(asked) == 3
    aged = [frame["meta"]["quality"]["staleness_ms"] for frame in ear.of("update")]
    assert aged == sorted(aged)
    assert ear.of("update")[-1]["data"]["rows"] == []


@pytest.mark.parametrize("name", ["candles", "order-flow"])
async def test_a_range_of_more_than_a_page_is_told_by_its_newest_bars(name):
    async with studio(now=BASE + 30 * NS_PER_S) as stage:
        await stage.market.append(TAPE[:43])
        to = channel(name, start=START, timeframe="1s", limit=10)
        ear, client = await stage.listen(to), Client()
        await stage.clock.move(1)
        await stage.market.append(TAPE[43:45])
        await stage.clock.move(3)

    for frame in ear.frames:
        client.take(frame)
    shown = client.data if name == "candles" else client.data["bars"]
    assert [bar["open_time"] - START for bar in shown] == [*range(22_000, 31_000, 1_000)]
    assert "left out" in ear.frames[0]["meta"]["quality"]["reasons"][-1]


async def test_more_anomalies_than_a_page_are_told_by_the_newest():
    async with studio() as stage:
        subject = Subject.market(BTC.venue, BTC.symbol)
        told = [signal(f"s{at:03}", at * 10) for at in range(30)]
        await stage.stores.flow.tell(subject, told)
        ear, client = await stage.listen(channel("anomalies", start=START, limit=10)), Client()
        await stage.stores.flow.tell(subject, [signal("new", 400)])
        await stage.market.append(TAPE[:1])
        await stage.clock.move(LOOK_S)

    for frame in ear.frames:
        client.take(frame)
    first = [one["id"] for one in ear.frames[0]["data"]["anomalies"]]
    assert first == [f"s{at:03}" for at in range(20, 30)]
    assert [one["id"] for one in client.data["anomalies"]] == [*first[1:], "new"]


async def test_anomalies_of_one_moment_that_no_page_can_hold_are_told_as_left_out():
    async with studio() as stage:
        subject = Subject.market(BTC.venue, BTC.symbol)
        await stage.stores.flow.tell(subject, [signal(f"s{at:03}", 10) for at in range(30)])
        ear = await stage.listen(channel("anomalies", start=START, limit=10))

    assert ear.frames[-1]["data"]["anomalies"] == []
    assert "left out" in ear.frames[-1]["meta"]["quality"]["reasons"][-1]


async def test_a_store_that_is_away_is_told_and_a_snapshot_follows_when_it_is_back(monkeypatch):
    async with studio() as stage:
        await stage.market.append(TAPE[:5])
        ear, client = await stage.listen(channel("volume-profile", start=START)), Client()
        with monkeypatch.context() as patched:
            patched.setattr(stage.market.queries, "volume_profile", _away)
            for at in range(5, 10):
                await stage.market.append(TAPE[at : at + 1])
                await stage.clock.move(LOOK_S)
            late = await stage.listen(channel("volume-profile", start=START))
            broken = await stage.hub.pulse()
        await stage.market.append(TAPE[10:20])
        await stage.clock.move(60)
        working = await stage.hub.pulse()

    told = [kind for kind, _ in groupby(frame["type"] for frame in ear.frames)]
    assert told[:3] == ["snapshot", "status", "snapshot"]
    assert ear.of("status")[0]["data"]["code"] == "storage_unavailable"
    assert "secret" not in ear.of("status")[0]["data"]["detail"]
    assert late.frames[0]["data"]["code"] == "storage_unavailable"
    for frame in ear.frames:
        client.take(frame)
    assert client.data["count"] == 20
    assert (broken.detail["in_trouble"], working.detail["in_trouble"]) == (1, 0)
    assert working.detail["failures"] > 0


async def _away(_question: object) -> object:
    msg = "secret address refused"
    raise StorageError(msg)


async def test_status_tells_facts_as_they_come_and_how_trades_and_book_are():
    async with studio(now=BASE + 15 * NS_PER_S) as stage:
        await stage.market.append(TAPE[:5])
        await stage.market.tell(StatusKind.ALIVE, 1_000, trades=1, book="synced")
        ear, client = await stage.listen(channel("status")), Client()
        gap = {"after_id": 4, "before_id": 9, "from_ms": 2_800, "to_ms": 6_300, "missing": 4}
        await stage.market.append(TAPE[9:12])
        await stage.market.tell(StatusKind.TRADE_GAP, 6_400, **gap)
        await stage.clock.move(LOOK_S)
        await stage.market.tell(StatusKind.TRADES_LOST, 9_000, since_ms=8_500)
        await stage.clock.move(LOOK_S)

    for frame in ear.frames:
        client.take(frame)
    assert ear.frames[0]["data"]["trades"]["state"] == "connected"
    assert ear.frames[0]["data"]["book"]["servable"] is False
    assert [fact["kind"] for fact in client.data["facts"]] == ["trade_gap", "trades_lost"]
    assert client.data["trades"]["state"] == "lost"
    assert client.data["trades"]["last_trade"] == int(ms(TAPE[11].exchange_time))
    assert client.meta["quality"]["gaps_total"] >= 1
    assert client.meta["quality"]["gaps"][0]["missing"] == 4
