"""A replay: the log from a place on, then the present, or words why that cannot be given whole."""

import asyncio
from random import Random

import pytest
from studio import NOW, Ear, channel, now_trade, settle, studio, written
from tape import BTC, MINUTE, TAPE

from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.stream.ports import Since
from cloud_marketdata.core.errors import BadRequestError, BadTimeError
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side

pytestmark = pytest.mark.anyio
TRADES = channel("trades")
LOG = "that of this log"
ALL = 1 << 62


async def test_a_replay_goes_on_behind_a_seq_and_then_live():
    async with studio() as stage:
        for at in range(0, 300, 3):
            await stage.market.append(TAPE[at : at + 3])
        live = await stage.listen(TRADES)
        since = Since(live.frames[0]["epoch"], 40)
        ear = await stage.listen(TRADES, since=since)
        await stage.market.append(TAPE[:4])
        await stage.clock.move(0.1)

    assert ear.of("update")[0]["prev_seq"] == 40
    assert ear.trades() == written(TAPE[120:] + TAPE[:4])
    (caught_up,) = ear.of("caught_up")
    assert caught_up["seq"] == 100
    assert ear.frames.index(caught_up) == len(ear.frames) - 2
    assert caught_up["meta"]["quality"]["sources"] == ["binance-usdm"]


async def test_a_replay_that_finds_the_log_ahead_of_its_feed_repeats_nothing():
    async with studio() as stage:
        for at in range(0, 240, 3):
            await stage.market.append(TAPE[at : at + 3])
        live = await stage.listen(TRADES)
        await stage.market.append(TAPE[240:300])
        since = Since(live.frames[0]["epoch"], 44)
        ear = await stage.listen(TRADES, since=since)
        await stage.clock.move(0.5)

    assert ear.of("caught_up")[0]["seq"] == live.frames[0]["seq"] == 80
    assert ear.trades() == written(TAPE[132:300])


async def test_a_reader_that_is_ahead_of_the_feed_goes_live_once_the_feed_is_there():
    async with studio() as stage:
        for at in range(0, 240, 3):
            await stage.market.append(TAPE[at : at + 3])
        live = await stage.listen(TRADES)
        for at in range(240, 249, 3):
            await stage.market.append(TAPE[at : at + 3])
        # Another process over the same log has shown it two entries that our feed has not read.
        since = Since(live.frames[0]["epoch"], 82)
        join = asyncio.ensure_future(stage.listen(TRADES, since=since))
        await stage.clock.move(0.5)
        ear = await join
        await stage.market.append(TAPE[249:252])
        await stage.clock.move(0.5)

    assert live.frames[0]["seq"] == 80
    assert ear.of("update")[0]["prev_seq"] == 82
    assert ear.trades() == written(TAPE[246:252])


async def test_a_replay_from_a_time_begins_with_the_entry_of_its_first_trade():
    async with studio() as stage:
        for at in range(0, 300, 4):
            await stage.market.append(TAPE[at : at + 4])
        ear = await stage.listen(TRADES, since=Since(time=TAPE[101].exchange_time))

    assert ear.trades() == written(TAPE[100:])


async def test_the_gaps_of_a_replayed_stretch_are_told_with_it():
    async with studio() as stage:
        await stage.market.append(TAPE[:5])
        await stage.market.append(TAPE[9:12])
        gap = {"after_id": 4, "before_id": 9, "from_ms": 2_800, "to_ms": 6_300, "missing": 4}
        await stage.market.tell(StatusKind.TRADE_GAP, 6_400, **gap)
        ear = await stage.listen(TRADES, since=Since(time=TAPE[0].exchange_time))

    (told,) = ear.of("caught_up")[0]["meta"]["quality"]["gaps"]
    assert (told["after_id"], told["before_id"], told["missing"]) == (4, 9, 4)


@pytest.mark.parametrize(
    ("since", "error", "words"),
    [
        (Since("another", 3), ResolutionGoneError, "not that of this log"),
        (Since("", 3), ResolutionGoneError, "not that of this log"),
        (Since(LOG, 99), BadRequestError, "ahead of the log"),
        (Since(LOG, 2), ResolutionGoneError, "not held whole"),
        (Since(LOG, 0), ResolutionGoneError, "not held whole"),
        (Since(time=NOW + NS_PER_S), BadTimeError, "has not come yet"),
        (Since(time=NOW - 61 * MINUTE), ResolutionGoneError, "need not be held"),
    ],
)
async def test_what_cannot_be_replayed_whole_is_refused_before_anything_is_sent(
    since, error, words
):
    async with studio() as stage:
        for at in range(4):
            await stage.market.append([now_trade(at, ago_s=7200 - at)])
        await stage.market.save()
        await stage.market.append([now_trade(5)])
        await stage.stores.log.trim(stage.market.stream, upto=4, before=NOW)
        ear = Ear()
        if since.epoch == LOG:
            since = since._replace(epoch=await stage.stores.log.epoch())
        with pytest.raises(error, match=words):
            await stage.hub.join(TRADES, ear, snapshot=True, since=since)
        pulse = await stage.hub.pulse()

    assert ear.frames == []
    assert pulse.detail["listeners"] == 0
    assert pulse.detail["refused"] == {error.code: 1}


async def test_an_old_entry_that_stays_proves_nothing_about_those_behind_it():
    """The entry with the newest match time stays while younger ones go that were filled in."""
    async with studio() as stage:
        await stage.market.append([now_trade(9, ago_s=4000)])
        await stage.market.append([now_trade(1, ago_s=5000)])
        await stage.market.append([now_trade(2, ago_s=4900)])
        await stage.stores.log.trim(stage.market.stream, upto=ALL, before=NOW - 60 * MINUTE)
        held = [one.position for one in await stage.stores.log.read(stage.market.stream)]
        with pytest.raises(ResolutionGoneError):
            await stage.listen(TRADES, since=Since(await stage.stores.log.epoch(), 1))
        newest = await stage.listen(TRADES, since=Since(await stage.stores.log.epoch(), 3))

    assert held == [1, 3]
    assert [frame["type"] for frame in newest.frames] == ["caught_up"]


async def test_entries_that_leave_the_log_under_a_slow_replay_are_told():
    async with studio() as stage:
        for at in range(150):
            await stage.market.append([now_trade(at, ago_s=3000 - at)] * 10)
        seq = (await stage.listen(TRADES)).frames[0]["seq"]
        ear = Ear()
        ear.roomy.clear()
        since = Since(time=NOW - 2950 * NS_PER_S)
        join = asyncio.ensure_future(stage.hub.join(TRADES, ear, snapshot=True, since=since))
        await settle()
        stage.clock.time += 15 * MINUTE
        await stage.stores.log.trim(stage.market.stream, upto=130, before=NOW)
        ear.roomy.set()
        await stage.clock.move(1)
        await join

    torn = [frame["data"] for frame in ear.of("status")]
    assert [one["code"] for one in torn] == ["resolution_gone"]
    assert (torn[0]["after_seq"], torn[0]["before_seq"]) == (51, 131)
    told = [frame["seq"] for frame in ear.of("update")]
    assert 51 in told
    assert told[-1] == seq
    assert not set(told) & set(range(52, 131))


async def test_who_leaves_in_the_middle_of_a_replay_hears_nothing_more():
    async with studio() as stage:
        for at in range(150):
            await stage.market.append([now_trade(at, ago_s=3000 - at)] * 10)
        ear = Ear()
        ear.roomy.clear()
        since = Since(time=NOW - 2950 * NS_PER_S)
        join = asyncio.ensure_future(stage.hub.join(TRADES, ear, snapshot=True, since=since))
        await settle()
        stage.hub.leave(TRADES, ear)
        ear.roomy.set()
        await stage.clock.move(1)
        await join
        await stage.market.append(TAPE[:3])
        await stage.clock.move(1)
        pulse = await stage.hub.pulse()

    assert ear.frames == []
    assert pulse.detail["listeners"] == 0


async def test_a_cancelled_join_leaves_nothing_behind():
    async with studio() as stage:
        await stage.market.append([now_trade(1)])
        ear = Ear()
        ear.roomy.clear()
        since = Since(time=NOW - NS_PER_S)
        join = asyncio.ensure_future(stage.hub.join(TRADES, ear, snapshot=True, since=since))
        await settle()
        join.cancel()
        await settle()
        pulse = await stage.hub.pulse()

    assert join.cancelled()
    assert (ear.frames, pulse.detail["listeners"]) == ([], 0)


async def test_a_reader_that_is_always_slow_catches_up_with_a_tape_that_never_rests():
    class Slow(Ear):
        async def room(self) -> None:
            await stage.clock.sleep(0.3)

    async with studio() as stage:
        for at in range(200):
            await stage.market.append([now_trade(at, ago_s=300 - at)] * 5)
        ear = Slow()
        since = Since(time=NOW - 290 * NS_PER_S)
        join = asyncio.ensure_future(stage.hub.join(TRADES, ear, snapshot=True, since=since))
        for at in range(60):
            await stage.market.append(TAPE[at : at + 1])
            await stage.clock.move(0.1)
        assert join.done()

    seqs = [frame["seq"] for frame in ear.of("update")]
    assert [frame["prev_seq"] for frame in ear.of("update")][1:] == seqs[:-1]
    assert ear.trades()[-1] == written(TAPE[59:60])[0]


async def test_a_process_that_follows_another_goes_on_with_its_seq():
    async with studio() as first:
        for at in range(10):
            await first.market.append(TAPE[at : at + 1])
        heard = await first.listen(TRADES)
        stores = first.stores
    await first.market.append(TAPE[10:12])
    async with studio(stores) as second:
        last = heard.frames[-1]
        ear = await second.listen(TRADES, since=Since(last["epoch"], last["seq"]))

    assert ear.trades() == written(TAPE[10:12])
    assert ear.of("update")[0]["prev_seq"] == last["seq"]


async def test_a_log_that_ends_with_its_process_takes_its_epoch_with_it():
    async with studio() as first:
        await first.market.append(TAPE[:2])
        heard = await first.listen(TRADES)
    async with studio(now=NOW + 1) as second:
        await second.market.append(TAPE[5:9])
        with pytest.raises(ResolutionGoneError, match="not that of this log"):
            await second.listen(TRADES, since=Since(heard.frames[0]["epoch"], 1))


@pytest.mark.parametrize("seed", range(5))
async def test_every_time_finds_the_first_entry_that_holds_it(seed):
    random = Random(seed)  # noqa: S311  a seed makes the case repeatable
    async with studio() as stage:
        entries, at = [], 0
        for _ in range(random.randrange(1, 40)):
            at += random.randrange(4000)
            # Other streams take positions too, and trades may come late.
            await stage.market.tell(StatusKind.ALIVE, at)
            late = random.choice([0, 0, 0, 9000])
            times = [max(0, at - late - random.randrange(900)) for _ in range(3)]
            received = NOW - 5 * MINUTE + at * NS_PER_MS
            entries.append(
                [
                    TradeEvent(
                        BTC, n, 1, 1, Side.BUY, received - (at - time) * NS_PER_MS, received, n
                    )
                    for n, time in enumerate(times)
                ]
            )
            await stage.market.append(entries[-1])
        stage.clock.time = NOW + 5 * MINUTE
        for _ in range(15):
            time = NOW - 5 * MINUTE + random.randrange(-5_000, at + 2_000) * NS_PER_MS
            ear = await stage.listen(TRADES, since=Since(time=time))
            reached = (n for n, e in enumerate(entries) if any(t.exchange_time >= time for t in e))
            first = next(reached, len(entries))
            assert ear.trades() == written([t for entry in entries[first:] for t in entry])
