"""Depth: what a client applies is what a snapshot shows, and a book in doubt is never told."""

import pytest
from applied import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from studio import NOW, channel, studio
from tape import BTC, book

from cloud_marketdata.api.questions import DepthQuestion
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Since
from cloud_marketdata.core.errors import BadRequestError, LimitError, UnknownMarketError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import BookState, BookView

pytestmark = pytest.mark.anyio
ASKED = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
LOOK_S = 0.1

_levels = st.dictionaries(st.integers(1, 12), st.integers(1, 3), min_size=0, max_size=10)
_books = st.lists(st.tuples(_levels, _levels), min_size=1, max_size=5)


def view(number: int, bids: dict[int, int], asks: dict[int, int], **changed: object) -> BookView:
    """Return a book of a few levels around one price."""
    return book(
        update_id=number,
        bids=tuple((617_000 - at, bids[at]) for at in sorted(bids)),
        asks=tuple((617_000 + at, asks[at]) for at in sorted(asks)),
        **{"received_at": NOW, "exchange_time": NOW} | changed,
    )


@settings(max_examples=10)
@given(books=_books, levels=st.integers(1, 6))
async def test_snapshot_and_updates_applied_are_the_snapshot_of_that_moment(books, levels):
    async with studio() as stage:
        await stage.stores.books.publish([view(0, {1: 1}, {1: 1})])
        ear, client = await stage.listen(channel("depth", levels=levels)), Client()
        for number, (bids, asks) in enumerate(books, 1):
            await stage.stores.books.publish([view(number, bids, asks)])
            await stage.clock.move(LOOK_S)
            while ear.frames:
                client.take(ear.frames.pop(0))
            late = await stage.listen(channel("depth", levels=levels))
            answer = await stage.market.queries.depth(DepthQuestion(**ASKED, levels=levels))
            assert client.data == late.frames[0]["data"] == answer.data.model_dump(mode="json")
            assert client.seq == late.frames[0]["seq"]


async def test_an_update_holds_the_levels_that_changed_and_no_others():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5, 2: 6, 3: 7}, {1: 5})])
        ear = await stage.listen(channel("depth", levels=2))
        await stage.stores.books.publish([view(2, {2: 6, 3: 7}, {1: 9})])
        await stage.clock.move(LOOK_S)

    data = ear.of("update")[0]["data"]
    assert data["bids"] == [
        {"price": "61699.9", "size": "0"},
        {"price": "61699.7", "size": "0.007"},
    ]
    assert data["asks"] == [{"price": "61700.1", "size": "0.009"}]
    assert data["update_id"] == 2


async def test_a_finer_scale_replaces_every_level_under_its_new_spelling():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        ear, client = await stage.listen(channel("depth", levels=5)), Client()
        fine = BTC.refined(BTC.scale.tick / 10, BTC.scale.lot)
        finer = view(2, {}, {}, instrument=fine)
        finer = finer.__class__(
            **{name: getattr(finer, name) for name in finer.__struct_fields__}
            | {"bids": ((6_169_990, 5),), "asks": ((6_170_011, 5),)}
        )
        await stage.stores.books.publish([finer])
        await stage.clock.move(LOOK_S)

    for frame in ear.frames:
        client.take(frame)
    assert client.data["bids"] == [{"price": "61699.90", "size": "0.005"}]
    assert client.data["asks"] == [{"price": "61700.11", "size": "0.005"}]


async def test_a_book_out_of_sync_is_told_and_not_shown_until_it_is_in_sync_again():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        ear = await stage.listen(channel("depth", levels=5))
        stale = view(2, {1: 6}, {1: 5}, state=BookState.STALE, reason="a hole")
        await stage.stores.books.publish([stale])
        await stage.clock.move(1)
        late = await stage.listen(channel("depth", levels=5))
        await stage.stores.books.publish([view(3, {1: 7}, {1: 5})])
        await stage.clock.move(1)

    kinds = [frame["type"] for frame in ear.frames]
    assert kinds == ["snapshot", "status", "snapshot"]
    assert ear.frames[1]["data"]["code"] == "not_ready"
    assert "a hole" in ear.frames[1]["data"]["detail"]
    assert [frame["type"] for frame in late.frames] == ["status", "snapshot"]
    assert ear.frames[2] == late.frames[1]
    assert ear.frames[2]["data"]["update_id"] == 3
    assert ear.frames[2]["seq"] > ear.frames[0]["seq"]


async def test_a_book_that_nobody_vouches_for_any_more_is_told_and_no_longer_shown():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        ear = await stage.listen(channel("depth", levels=5))
        await stage.clock.move(30)
        late = await stage.listen(channel("depth", levels=5))

    aging = [frame["meta"]["quality"]["reasons"][-1] for frame in ear.of("update")]
    assert aging[0] == "no change for 5 s"
    assert ear.frames[-1]["data"]["code"] == "not_ready"
    assert late.frames[0]["data"]["code"] == "not_ready"
    assert not late.of("snapshot")


async def test_nothing_is_told_of_a_book_that_stays_as_it_is_but_that_the_channel_lives():
    async with studio(stream_heartbeat_s=2) as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        ear = await stage.listen(channel("depth", levels=5))
        await stage.clock.move(4.9)

    assert [frame["type"] for frame in ear.frames] == ["snapshot", "heartbeat", "heartbeat"]
    assert {frame["seq"] for frame in ear.frames} == {1}


async def test_a_wrong_question_is_refused_as_rest_refuses_it():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        with pytest.raises(LimitError, match="levels must be"):
            await stage.hub.check(channel("depth", levels=5_000))
        with pytest.raises(UnknownMarketError):
            await stage.hub.check(Channel(ChannelName.DEPTH, "binance-usdm", "NONE"))
        pulse = await stage.hub.pulse()

    assert pulse.detail["refused"] == {"limit_exceeded": 1, "unknown_market": 1}


async def test_a_book_cannot_be_replayed():
    async with studio() as stage:
        await stage.stores.books.publish([view(1, {1: 5}, {1: 5})])
        with pytest.raises(BadRequestError, match="cannot be replayed"):
            await stage.listen(channel("depth", levels=5), since=Since(time=NOW - NS_PER_S))
        assert (await stage.hub.pulse()).detail["listeners"] == 0
