"""What one connection listens to, when a join ends otherwise than it should."""

import asyncio

import pytest

from cloud_marketdata.api.stream.listening import Listening, Wanted
from cloud_marketdata.api.stream.outbox import Outbox
from cloud_marketdata.api.stream.ports import Channel, ChannelName
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError

pytestmark = pytest.mark.anyio
TAPE = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")


class Sulky:
    """A hub whose joins surface as an error of the store when they are cancelled."""

    async def check(self, _channel):
        """See Subscriptions."""

    async def join(self, _channel, _listener, **_how: object):
        """See Subscriptions."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            msg = "the store was asked for too long"
            raise StorageError(msg) from None

    def leave(self, _channel, _listener):
        """See Subscriptions."""


@pytest.mark.parametrize("again", [False, True], ids=["gone", "taken on anew"])
async def test_a_join_that_fails_after_it_was_let_go_is_nobody_s_news(again):
    failed = []
    readers = Readers(Settings())
    outbox = Outbox(100_000, lambda *_: None, lambda _: pytest.fail("nothing was left out"))
    listening = Listening(Sulky(), outbox, readers, lambda *told: failed.append(told))
    async with asyncio.TaskGroup() as group:
        wanted = Wanted(TAPE, None)
        await listening.take_on(wanted)
        task = listening.start(wanted, group, snapshot=True)
        await asyncio.sleep(0)
        listening.let_go(TAPE)
        if again:
            await listening.take_on(wanted)
        await asyncio.wait([task])

    assert failed == []
    assert (len(listening), readers.subscriptions) == (int(again), int(again))
