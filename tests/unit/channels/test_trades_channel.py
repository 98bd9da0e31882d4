"""The tape as it is told live: a snapshot, then every entry of the log once, in its order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio import channel, studio, written
from tape import BTC, BYBIT, TAPE

from cloud_marketdata.api.markets import trade_data
from cloud_marketdata.api.stream.channels.tape import trade_out
from cloud_marketdata.api.stream.ports import Since
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.values import Side, TradeFlag

pytestmark = pytest.mark.anyio
TRADES = channel("trades")
ALL = 1 << 62


_trades = st.builds(
    TradeEvent,
    st.sampled_from([BTC, BYBIT, BTC.refined(BTC.scale.tick / 100, BTC.scale.lot / 10)]),
    st.integers(0, 2**53) | st.uuids().map(str),
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.sampled_from(Side),
    st.integers(0, 2**61),
    st.integers(0, 2**61),
    st.integers(0, 2**61),
    st.integers(1, 500),
    st.sampled_from([0, *TradeFlag, TradeFlag.RPI | TradeFlag.BLOCK]).map(int),
)


@given(_trades)
def test_a_trade_is_written_exactly_as_rest_writes_it(one):
    out = trade_out(one)

    assert {name: getattr(out, name) for name in out.__struct_fields__} == trade_data(
        one
    ).model_dump()


async def test_what_is_appended_is_told_once_and_in_order():
    async with studio() as stage:
        await stage.market.append(TAPE[:10])
        ear = await stage.listen(TRADES)
        for at in range(10, 60, 5):
            await stage.market.append(TAPE[at : at + 5])
            await stage.clock.move(0.1)

    assert ear.frames[0]["type"] == "snapshot"
    assert ear.frames[0]["data"] + ear.trades() == written(TAPE[:60])
    chain = [ear.frames[0]["seq"]] + [frame["seq"] for frame in ear.of("update")]
    assert [frame["prev_seq"] for frame in ear.of("update")] == chain[:-1]


async def test_everybody_is_told_the_very_same_text():
    async with studio() as stage:
        first, second = await stage.listen(TRADES), await stage.listen(TRADES, snapshot=False)
        await stage.market.append(TAPE[:3])
        await stage.clock.move(0.1)

    assert first.texts[-1].text is second.texts[-1].text
    assert [frame["type"] for frame in second.frames] == ["update"]


async def test_a_snapshot_shows_the_newest_entries_that_hold_a_hundred_trades():
    async with studio() as stage:
        for at in range(0, 300, 7):
            await stage.market.append(TAPE[at : at + 7])
        first = await stage.listen(TRADES)
        await stage.market.append(TAPE[:150])
        await stage.clock.move(0.1)
        later = await stage.listen(TRADES)

    # Entries are whole: the last holds 6 trades and the 14 before it 7 each.
    assert first.frames[0]["data"] == written(TAPE[300 - 104 :])
    assert later.frames[0]["data"] == written(TAPE[:150])
    assert first.frames[0]["meta"]["quality"]["coverage"] is not None


async def test_an_empty_market_is_told_from_its_first_trade_on():
    async with studio() as stage:
        ear = await stage.listen(TRADES)
        await stage.market.append(TAPE[:3])
        await stage.clock.move(0.5)
        since = Since(ear.frames[0]["epoch"], ear.frames[0]["seq"])
        again = await stage.listen(TRADES, since=since)

    assert (ear.frames[0]["data"], ear.frames[0]["seq"]) == ([], 0)
    assert ear.trades() == again.trades() == written(TAPE[:3])


async def test_a_gap_is_told_as_it_comes():
    async with studio() as stage:
        ear = await stage.listen(TRADES)
        gap = {"after_id": 4, "before_id": 9, "from_ms": 2_800, "to_ms": 6_300, "missing": 4}
        await stage.market.tell(StatusKind.ALIVE, 6_000, trades=1)
        await stage.market.tell(StatusKind.TRADE_GAP, 6_400, **gap)
        await stage.clock.move(0.5)

    (frame,) = ear.of("status")
    assert frame["data"]["code"] == "trade_gap"
    assert frame["data"]["fact"]["detail"]["missing"] == 4


async def test_a_log_that_is_away_is_told_and_nothing_is_lost_or_repeated(monkeypatch):
    async with studio() as stage:
        await stage.market.append(TAPE[:3])
        ear = await stage.listen(TRADES)
        read = stage.stores.log.read
        with monkeypatch.context() as patched:
            patched.setattr(stage.stores.log, "read", _away)
            await stage.clock.move(5)
            await stage.market.append(TAPE[3:6])
            await stage.clock.move(5)
        assert stage.stores.log.read == read
        await stage.clock.move(60)

    assert ear.of("status")[0]["data"]["code"] == "storage_unavailable"
    assert ear.of("status")[-1]["data"]["code"] == "ok"
    assert ear.trades() == written(TAPE[3:6])


async def _away(*_args: object, **_named: object) -> object:
    msg = "the log is away"
    raise StorageError(msg)


async def test_another_log_in_place_of_the_one_before_is_told_from_anew(monkeypatch):
    async with studio() as stage:
        await stage.market.append(TAPE[:3])
        await stage.market.append(TAPE[3:5])
        ear = await stage.listen(TRADES)
        log = stage.stores.log
        monkeypatch.setattr(log, "_epoch", "other")
        monkeypatch.setattr(log, "_entries", {})
        await stage.market.append(TAPE[50:53])
        await stage.clock.move(0.5)
        await stage.market.append(TAPE[53:55])
        await stage.clock.move(0.5)

    assert [frame["type"] for frame in ear.frames] == ["snapshot", "snapshot", "update"]
    assert [frame["epoch"] for frame in ear.frames][1:] == ["other", "other"]
    assert ear.frames[1]["data"] + ear.trades() == written(TAPE[50:55])
