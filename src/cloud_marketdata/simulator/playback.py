"""Frames on their way to the clients: when they start and how fast they go.

A capture waits for its audience: it starts once every trade and book stream it holds has a
subscriber, or when no new subscription has come for a while after the first. A seeded market runs
like a venue, whether somebody listens or not; only at full speed it waits too. After the last frame
the sockets stay open and quiet. A client that reads slowly slows the playback for all of its venue
and nothing is dropped; one that leaves a ping unanswered for a minute is disconnected.
Faults sit between the venue, which knows every frame, and its clients.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from msgspec import Struct

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.connection import Delivery, Subscriptions
from cloud_marketdata.simulator.faults.mischief import Mischief

# After so many frames without a pause the sockets and the REST side get their turn.
BURST: Final = 64
# A pause shorter than this costs more than it is worth.
SHORTEST_PAUSE_S: Final = 0.001


class Stage(Protocol):
    """A venue as the playback sees it."""

    @property
    def subscriptions(self) -> Subscriptions[Any]:
        """Who listens to what."""
        ...

    def covered(self) -> bool:
        """Whether every trade and book stream of the recording has a subscriber."""
        ...

    def deliveries(self, payload: bytes) -> Iterator[Delivery]:
        """Take the next frame into books and tape; return what goes to whom, in order."""
        ...


class Pace(Struct, frozen=True):
    """How a recording is played.

    speed: multiple of recorded time, or None for as fast as the clients read.
    waits: whether the first frame waits for subscribers.
    start_after_s: quiet seconds after the latest subscription that start it all the same.
    """

    speed: float | None = 1.0
    waits: bool = True
    start_after_s: float = 3.0


async def play(
    stage: Stage, frames: Iterable[Frame], pace: Pace, mischief: Mischief, clock: Clock
) -> None:
    """Play the frames to their end."""
    if pace.waits:
        await _audience(stage, pace.start_after_s)
    began, first, burst = clock.monotonic(), None, 0
    for frame in frames:
        first = frame.received_at if first is None else first
        pause = _due(frame.received_at - first, pace.speed) - (clock.monotonic() - began)
        burst += 1
        if pause > SHORTEST_PAUSE_S or burst >= BURST:
            await clock.sleep(max(0.0, pause))
            burst = 0
        for delivery in mischief.pass_on(stage.deliveries(frame.payload)):
            await _send(stage, delivery)


def _due(elapsed_ns: int, speed: float | None) -> float:
    return 0.0 if speed is None else elapsed_ns / NS_PER_S / speed


async def _send(stage: Stage, delivery: Delivery) -> None:
    try:
        async with delivery.connection.turn:
            await delivery.connection.send(delivery.payload)
    except OSError:
        stage.subscriptions.drop(delivery.connection)


async def _audience(stage: Stage, quiet_s: float) -> None:
    changed = stage.subscriptions.changed
    await changed.wait()
    while not stage.covered():
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), quiet_s)
        except TimeoutError:
            return
