"""What makes the frames of one channel: it works, fails, is told of, and works again.

A feed never dies silently. Whatever breaks it is told to its listeners as a `status` frame with the
code and the words that REST would give, and it is tried again after a growing, jittered wait.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from pydantic import BaseModel

from cloud_marketdata.api.errors import Problems
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.audience import Audience, Seat
from cloud_marketdata.api.stream.frames import Frames
from cloud_marketdata.api.stream.ports import Channel, Frame, Listener, Since
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.telemetry.stage_times import StageTimes
from cloud_marketdata.storage.ports import Stores

STABLE_S: Final = 60.0
_NUMBERS: Final = re.compile(r"\d+")
_OK: Final = {"code": "ok", "detail": "the channel works again"}


class Sources(NamedTuple):
    """What feeds are made from; `served` counts how long trades took to their readers."""

    queries: Queries
    stores: Stores
    clock: Clock
    settings: Settings
    random: Random
    problems: Problems
    served: StageTimes


class Feed(ABC):
    """One channel at work.

    seq: where it stands. trouble: what is told to everybody who comes while it does not work.
    """

    def __init__(self, channel: Channel, sources: Sources, epoch: str) -> None:
        self.channel = channel
        self.sources = sources
        self.audience = Audience(channel, sources.clock)
        self.frames = Frames(channel, epoch, sources.clock)
        self.seq = 0
        self.failures = 0
        self.trouble: dict[str, object] | None = None

    @abstractmethod
    async def work(self) -> None:
        """Make frames until cancelled; raise where that is not possible."""

    @abstractmethod
    async def welcome(self, seat: Seat, *, snapshot: bool, since: Since | None) -> None:
        """Give a seat what it needs to go on from, and make it live in the same step.

        Raises MarketDataError, having made nothing live, where that cannot be given whole.
        """

    @abstractmethod
    def show(self, listener: Listener) -> None:
        """Offer the state of now to one listener."""

    async def run(self) -> None:
        """Work until cancelled, whatever happens."""
        clock = self.sources.clock
        delays = backoff(self.sources.random)
        while True:
            began = clock.monotonic()
            try:
                await self.work()
            except Exception as error:  # noqa: BLE001  whatever it is, it is told and tried again
                self.failures += 1
                self.fail(error)
            if clock.monotonic() - began >= STABLE_S:
                delays = backoff(self.sources.random)
            await clock.sleep(next(delays))

    def fail(self, error: Exception) -> None:
        """Tell everybody that something is wrong; the same trouble is told once, then with beats.

        An age in its words, which grows while it lasts, makes it no other trouble.
        """
        problem = self.sources.problems.of(error)
        told: dict[str, object] = {"code": problem.code, "detail": problem.detail}
        before, self.trouble = self.trouble, told | {"request_id": problem.request_id}
        if before is None or _ageless(before) != _ageless(told):
            self.audience.offer(self.frames.status(self.seq, self.trouble))

    def recovered(self) -> None:
        """Tell everybody that the trouble is over, if there was any."""
        if self.trouble is not None:
            self.trouble = None
            self.audience.offer(self.frames.status(self.seq, _OK))

    def beat(self) -> Frame:
        """Return a heartbeat, or what is wrong."""
        if self.trouble is not None:
            return self.frames.status(self.seq, self.trouble)
        return self.frames.heartbeat(self.seq)


def _ageless(told: Mapping[str, object]) -> tuple[object, str]:
    return told["code"], _NUMBERS.sub("", str(told["detail"]))


class Kind(NamedTuple):
    """A kind of channel: the parameters it takes, what feeds it, and what checks it by asking.

    feed: makes one for a channel, given an epoch that no other start of a feed has.
    """

    params: type[BaseModel]
    feed: Callable[[Channel, Sources, str], Feed]
    ask: Callable[[Sources, Channel], Awaitable[object]]
