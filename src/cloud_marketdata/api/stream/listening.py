"""What one connection listens to: each channel is taken on, joined, live, and let go.

A channel is taken on before the reply leaves and joined after it, so that no frame of it comes
before the reply. At most one replay and one snapshot are under way at a time: what a client asks
for at once shall not outrun that client.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cloud_marketdata.api.stream.asking import channel_of
from cloud_marketdata.api.stream.messages import Place, Subscription
from cloud_marketdata.api.stream.outbox import Outbox
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Since, Subscriptions
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.api.stream.refusals import (
    AlreadySubscribedError,
    NotSubscribedError,
    TooManySubscriptionsError,
)
from cloud_marketdata.api.times import parse_time
from cloud_marketdata.core.errors import BadRequestError


class Wanted(NamedTuple):
    """A channel, and where a replay of it begins, if one is wanted."""

    channel: Channel
    since: Since | None


def wanted_by(subscription: Subscription) -> Wanted:
    """Read a subscription; raises BadRequestError or pydantic's ValidationError."""
    name = subscription.name
    channel = channel_of(name, subscription.venue, subscription.symbol, subscription.params)
    if subscription.since is None:
        return Wanted(channel, None)
    if name is not ChannelName.TRADES:
        msg = f"{name} cannot be replayed; from is for trades only"
        raise BadRequestError(msg)
    if isinstance(subscription.since, Place):
        place = subscription.since
        return Wanted(channel, Since(epoch=place.epoch, seq=place.seq))
    return Wanted(channel, Since(time=parse_time(subscription.since, "from")))


class Listening:
    """The subscriptions of one connection.

    Args:
        hub: gives the channels.
        outbox: takes their frames.
        readers: says how many channels one connection may listen to, and counts them all.
        failed: told of a channel that was taken on and could not be joined.
    """

    def __init__(
        self,
        hub: Subscriptions,
        outbox: Outbox,
        readers: Readers,
        failed: Callable[[Channel, Exception], None],
    ) -> None:
        self._hub = hub
        self._outbox = outbox
        self._readers = readers
        self._failed = failed
        self._joins: dict[Channel, asyncio.Task[None] | None] = {}
        self._snapshots, self._replays = asyncio.Lock(), asyncio.Lock()

    def __len__(self) -> int:
        return len(self._joins)

    def __iter__(self) -> Iterator[tuple[Channel, bool]]:
        """Tell each channel and whether it is live."""
        for channel, task in self._joins.items():
            yield channel, task is not None and task.done()

    async def take_on(self, wanted: Wanted) -> None:
        """Keep a place for a channel that exists; raises what makes it impossible."""
        self._refuse(wanted.channel)
        await self._hub.check(wanted.channel)
        # Another message cannot have come between: requests are answered one by one.
        self._joins[wanted.channel] = None
        self._readers.subscriptions += 1

    def start(
        self, wanted: Wanted, group: asyncio.TaskGroup, *, snapshot: bool
    ) -> asyncio.Task[None]:
        """Join a channel that was taken on; the group ends with the connection."""
        task = group.create_task(self._join(wanted, snapshot=snapshot))
        self._joins[wanted.channel] = task
        return task

    def let_go(self, channel: Channel) -> None:
        """Listen to a channel no more; raises NotSubscribedError where it was not."""
        if channel not in self._joins:
            msg = f"this connection does not listen to {_named(channel)}"
            raise NotSubscribedError(msg)
        if task := self._joins[channel]:
            task.cancel()
        self._leave(channel)

    def end(self) -> None:
        """Let go of everything."""
        for channel in [*self._joins]:
            self.let_go(channel)

    def _refuse(self, channel: Channel) -> None:
        if channel in self._joins:
            msg = f"this connection listens to {_named(channel)} already"
            raise AlreadySubscribedError(msg)
        if len(self._joins) >= self._readers.channels_max:
            msg = f"a connection listens to {self._readers.channels_max} channels at most"
            raise TooManySubscriptionsError(msg)

    async def _join(self, wanted: Wanted, *, snapshot: bool) -> None:
        channel, since = wanted
        try:
            async with self._snapshots if since is None else self._replays:
                await self._outbox.room()
                await self._hub.join(channel, self._outbox, snapshot=snapshot, since=since)
        except Exception as error:  # noqa: BLE001  one channel's end is not the connection's
            # It may have been let go meanwhile, and taken on anew; then it is nobody's news.
            if self._joins.get(channel) is asyncio.current_task():
                self._leave(channel)
                self._failed(channel, error)

    def _leave(self, channel: Channel) -> None:
        del self._joins[channel]
        self._readers.subscriptions -= 1
        self._hub.leave(channel, self._outbox)
        self._outbox.forget(channel)


def _named(channel: Channel) -> str:
    params = "".join(f";{name}={value}" for name, value in channel.params)
    return f"{channel.name}:{channel.venue}:{channel.symbol}{params}"
