import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_lines import StageClock, settled

from cloud_marketdata.api.stream.delivery import Delivery, ReaderGoneError
from cloud_marketdata.api.stream.outbox import Outbox, Parting
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame, FrameKind

pytestmark = pytest.mark.anyio

TRADES = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
OVER = Parting(1000, "over", "")


def update(seq):
    return Frame(FrameKind.UPDATE, seq, "u", "e")


class Socket:
    """Takes frames while it is ready, as uvicorn's side of a connection does."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.tasks: set[str] = set()
        self.ready = asyncio.Event()
        self.ready.set()
        self.broken = False

    async def send(self, item):
        """Wait for readiness, then take."""
        await self.ready.wait()
        if self.broken:
            raise ConnectionResetError
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task.get_name())
        self.taken.append(item.frame.seq)


def delivery_to(socket):
    outbox = Outbox(10_000, lambda *_: None, lambda _: update(0))
    return outbox, Delivery(outbox, socket.send, StageClock(), 5.0)


@given(st.lists(st.sampled_from(["offer", "stick", "unstick", "settle"]), max_size=60))
async def test_frames_arrive_once_and_in_order_however_the_socket_behaves(steps):
    socket, offered = Socket(), 0
    outbox, delivery = delivery_to(socket)
    async with asyncio.TaskGroup() as group:
        group.create_task(delivery.run())
        for step in steps:
            if step == "offer":
                offered += 1
                outbox.offer(TRADES, update(offered))
            elif step == "settle":
                await settled()
            else:
                socket.ready.set() if step == "unstick" else socket.ready.clear()
        socket.ready.set()
        await settled()
        assert socket.taken == list(range(1, offered + 1))
        outbox.part(OVER)


async def test_a_socket_that_is_ready_gets_a_frame_within_the_offer():
    socket = Socket()
    outbox, delivery = delivery_to(socket)
    async with asyncio.TaskGroup() as group:
        group.create_task(delivery.run(), name="writer")
        await settled()
        outbox.offer(TRADES, update(1))
        assert socket.taken == [1]
        assert "writer" not in socket.tasks
        outbox.part(OVER)


async def test_a_reader_that_left_is_noticed_by_the_writer_and_not_by_who_offers():
    socket = Socket()
    outbox, delivery = delivery_to(socket)
    running = asyncio.ensure_future(delivery.run())
    await settled()
    socket.broken = True
    for seq in (1, 2, 3):
        outbox.offer(TRADES, update(seq))

    with pytest.raises(ReaderGoneError):
        await running


async def test_what_began_within_an_offer_ends_with_the_connection():
    socket = Socket()
    outbox, delivery = delivery_to(socket)
    running = asyncio.ensure_future(delivery.run())
    await settled()
    socket.ready.clear()
    outbox.offer(TRADES, update(1))
    await settled()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not socket.ready._waiters
    assert socket.taken == []
