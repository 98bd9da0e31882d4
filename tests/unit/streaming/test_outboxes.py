import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.api.stream.outbox import SLOW, Conflated, Outbox, Parting
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame, FrameKind

pytestmark = pytest.mark.anyio

MOST = 100
TRADES = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
DEPTH = Channel(ChannelName.DEPTH, "bybit-linear", "BTCUSDT", (("levels", 50),))
CANDLES = Channel(ChannelName.CANDLES, "bybit-linear", "BTCUSDT")


def update(seq, size=10):
    return Frame(FrameKind.UPDATE, seq, "u" * size, "e")


def snapshot(seq, size=20):
    return Frame(FrameKind.SNAPSHOT, seq, "s" * size, "e")


def status(seq, size=5):
    return Frame(FrameKind.STATUS, seq, "!" * size, "e")


class Stage:
    """An outbox whose channels are counters: a snapshot of now is the number now."""

    def __init__(self, most: int = MOST) -> None:
        self.at = Counter()
        self.told: list[Conflated] = []
        self.asked: list[Channel] = []
        self.outbox = Outbox(most, self._refresh, self._tell)

    def _refresh(self, channel: Channel, outbox: Outbox) -> None:
        assert outbox is self.outbox
        self.asked.append(channel)

    def _tell(self, conflated: Conflated) -> Frame:
        self.told.append(conflated)
        return status(conflated.snapshot.seq)

    def update(self, channel, size=10):
        """Offer the next update."""
        self.at[channel] += 1
        self.outbox.offer(channel, update(self.at[channel], size))

    def answer(self):
        """Give the snapshots that were asked for."""
        for channel in self.asked:
            self.outbox.offer(channel, snapshot(self.at[channel]))
        self.asked.clear()

    def drained(self):
        """Take all that waits, as a writer does."""
        items = []
        while item := self.outbox.pop():
            items.append(item)
        self.outbox.catch_up()
        return items


def seqs(items, channel=None):
    return [item.frame.seq for item in items if channel in {None, item.channel}]


def test_frames_leave_in_the_order_they_came_in():
    stage = Stage()
    for channel in (TRADES, DEPTH, TRADES, CANDLES):
        stage.update(channel)

    items = stage.drained()

    assert [item.channel for item in items] == [TRADES, DEPTH, TRADES, CANDLES]
    assert stage.outbox.waiting == 0


def test_a_book_that_overflows_comes_back_as_a_snapshot_with_the_count_of_what_was_left_out():
    stage = Stage()
    for _ in range(13):
        stage.update(DEPTH)

    assert stage.drained() == []
    stage.answer()
    told, fresh = stage.drained()

    assert stage.told == [Conflated(DEPTH, fresh.frame, 13)]
    assert (told.frame.kind, fresh.frame) == (FrameKind.STATUS, snapshot(13))
    stage.update(DEPTH)
    assert seqs(stage.drained()) == [14]


def test_trades_that_overflow_end_the_connection_and_say_how_far_they_got():
    stage = Stage()
    stage.update(TRADES)
    assert seqs(stage.drained()) == [1]
    for _ in range(11):
        stage.update(TRADES)

    assert stage.outbox.parting is SLOW
    assert stage.drained() == []
    assert stage.outbox.sent[TRADES].seq == 1
    stage.update(TRADES)
    assert stage.outbox.waiting == 0


def test_a_book_makes_room_for_trades():
    stage = Stage()
    for _ in range(9):
        stage.update(DEPTH)
    for _ in range(3):
        stage.update(TRADES)

    assert stage.outbox.parting is None
    assert seqs(stage.drained(), TRADES) == [1, 2, 3]
    assert stage.asked == [DEPTH]


def test_a_frame_larger_than_the_outbox_is_taken_when_it_is_alone():
    stage = Stage()
    stage.update(TRADES, size=MOST * 2)
    assert seqs(stage.drained()) == [1]
    stage.update(DEPTH, size=MOST * 2)
    assert seqs(stage.drained()) == [1]
    assert stage.told == []


def test_a_status_passes_while_a_channel_is_behind_and_a_heartbeat_does_not():
    stage = Stage()
    for _ in range(11):
        stage.update(DEPTH)
    stage.outbox.offer(DEPTH, status(11))
    stage.outbox.offer(DEPTH, Frame(FrameKind.HEARTBEAT, 11, "h", "e"))

    assert [item.frame.kind for item in stage.drained()] == [FrameKind.STATUS]


def test_a_snapshot_that_does_not_fit_either_is_asked_for_again():
    stage = Stage()
    for _ in range(11):
        stage.update(DEPTH)
    stage.drained()
    for _ in range(9):
        stage.update(TRADES)
    stage.answer()
    assert seqs(stage.drained(), DEPTH) == []
    assert stage.asked == [DEPTH]
    stage.answer()

    assert seqs(stage.drained(), DEPTH) == [11, 11]
    # Eleven updates and the snapshot that found no room.
    assert stage.told[0].left_out == 12


def test_what_nobody_listens_to_any_more_is_left_out():
    stage = Stage()
    for channel in (TRADES, DEPTH, CANDLES):
        stage.update(channel)
    stage.outbox.forget(DEPTH)

    assert [item.channel for item in stage.drained()] == [TRADES, CANDLES]


def test_what_a_reader_may_resume_behind_is_a_place_in_the_tape_and_no_status():
    stage = Stage()
    stage.update(TRADES)
    stage.drained()
    place = stage.outbox.sent[TRADES]
    for kind in (FrameKind.STATUS, FrameKind.HEARTBEAT):
        stage.outbox.offer(TRADES, Frame(kind, 0, "{}"))
        stage.drained()

    assert stage.outbox.sent == {TRADES: place}


def test_only_the_first_reason_to_part_counts():
    stage = Stage()
    first, second = Parting(1012, "stopping", ""), Parting(4429, "too_many_requests", "")
    stage.outbox.part(first)
    stage.outbox.part(second)

    assert stage.outbox.parting is first


async def test_a_replay_waits_until_half_of_what_may_wait_has_gone():
    stage = Stage()
    await stage.outbox.room()
    for _ in range(8):
        stage.update(TRADES)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(stage.outbox.room())
        for _ in range(3):
            await asyncio.sleep(0)
            assert not waiting.done()
            stage.outbox.pop()
    assert stage.outbox.waiting == 50


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([TRADES, DEPTH, CANDLES]), st.integers(1, 40)),
        st.sampled_from(["pop", "drain", "answer", "heartbeat"]),
    ),
    max_size=120,
)


def _play(stage: Stage, steps: list) -> list:
    """Do what the steps say; return what left the outbox."""
    left = []
    for step in steps:
        if step == "pop":
            left += [item] if (item := stage.outbox.pop()) else []
        elif step == "drain":
            left += stage.drained()
        elif step == "answer":
            stage.answer()
        elif step == "heartbeat":
            beat = Frame(FrameKind.HEARTBEAT, stage.at[DEPTH], "h", "e")
            stage.outbox.offer(DEPTH, beat)
        else:
            stage.update(*step)
        one = len(stage.outbox._items) <= 1
        assert stage.outbox.waiting <= MOST or one
        assert stage.outbox.waiting == sum(len(i.frame.text) for i in stage.outbox._items)
    return left


@settings(max_examples=60)
@given(STEPS)
def test_trades_leave_without_a_hole_until_the_reader_is_told_off(steps):
    stage = Stage()
    left = seqs(_play(stage, steps), TRADES)

    assert left == list(range(1, len(left) + 1))
    if stage.outbox.parting is None:
        assert left + seqs(stage.drained(), TRADES) == list(range(1, stage.at[TRADES] + 1))


@settings(max_examples=60)
@given(STEPS)
def test_an_update_follows_the_one_before_it_or_a_snapshot(steps):
    stage = Stage()
    stands = Counter()
    for channel, frame in _play(stage, steps):
        if frame.kind is FrameKind.UPDATE:
            assert frame.seq == stands[channel] + 1
        if frame.kind in {FrameKind.UPDATE, FrameKind.SNAPSHOT}:
            stands[channel] = frame.seq


@settings(max_examples=60)
@given(STEPS)
def test_every_frame_that_was_left_out_is_told(steps):
    stage = Stage()
    left = _play(stage, steps)
    if stage.outbox.parting is not None:
        return
    for _ in range(2):
        left += stage.drained()
        stage.answer()
    left += stage.drained()

    for channel in (DEPTH, CANDLES):
        sent = sum(1 for one, frame in left if (one, frame.kind) == (channel, FrameKind.UPDATE))
        told = sum(one.left_out for one in stage.told if one.channel == channel)
        # A snapshot that found no room, or that had to leave again, is counted as well.
        assert told >= stage.at[channel] - sent
    assert stage.outbox.conflated == sum(one.left_out for one in stage.told)
