"""Frames leave in order, at the recorded pace, and not before there is an audience."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Message

from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.connection import Connection, Delivery, Subscriptions
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.faults.striker import Scene
from cloud_marketdata.simulator.playback import Pace, play


class _VirtualClock:
    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> int:
        return int(self.elapsed * NS_PER_S)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        await asyncio.sleep(0)


class _Stage:
    def __init__(self, clock: _VirtualClock, *, wanted: int = 1) -> None:
        self.subscriptions: Subscriptions[Connection] = Subscriptions()
        self.seen: list[tuple[float, bytes]] = []
        self._clock, self._wanted = clock, wanted

    def covered(self) -> bool:
        return all(str(n) in self.subscriptions for n in range(self._wanted))

    def deliveries(self, payload: bytes) -> Iterator[Delivery]:
        self.seen.append((self._clock.elapsed, payload))
        return iter([Delivery(client, "0", payload) for client in self.subscriptions.of("0")])


def unharmed(clock: _VirtualClock) -> Mischief:
    return Mischief(Venue.BINANCE_SPOT, Scene(clock, lambda _: None, lambda *_: None, ()), 0)


FRAMES = [Frame(10**18 + n * NS_PER_S, b"%d" % n) for n in range(5)]


@pytest.mark.parametrize(("speed", "step"), [(1.0, 1.0), (4.0, 0.25), (None, 0.0)])
def test_the_recorded_rhythm_is_kept_at_any_speed(speed, step):
    clock = _VirtualClock()
    stage = _Stage(clock)
    asyncio.run(play(stage, FRAMES, Pace(speed, waits=False), unharmed(clock), clock))
    assert stage.seen == [(n * step, frame.payload) for n, frame in enumerate(FRAMES)]


def test_a_recording_that_is_behind_catches_up_without_leaving_anything_out():
    clock = _VirtualClock()
    stage = _Stage(clock)
    frames = [FRAMES[0], FRAMES[4], FRAMES[1], FRAMES[4]]
    asyncio.run(play(stage, frames, Pace(waits=False), unharmed(clock), clock))
    assert [payload for _, payload in stage.seen] == [b"0", b"4", b"1", b"4"]
    assert clock.elapsed == 4.0


def test_nothing_is_played_before_every_stream_has_a_listener():
    async def main() -> None:
        clock = _VirtualClock()
        stage, sent = _Stage(clock, wanted=2), []

        async def send(message: Message) -> None:
            sent.append(message["text"])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(play(stage, FRAMES, Pace(start_after_s=60.0), unharmed(clock), clock))
            for stream in ("0", "1"):
                for _ in range(5):
                    await asyncio.sleep(0)
                assert not sent
                stage.subscriptions.add(stream, Connection(send))
        assert sent == ["0", "1", "2", "3", "4"]

    asyncio.run(main())


def test_a_listener_that_leaves_does_not_stop_the_others():
    async def main() -> None:
        clock = _VirtualClock()
        stage, sent = _Stage(clock), []

        async def gone(message: Message) -> None:
            del message
            raise ConnectionResetError

        async def send(message: Message) -> None:
            sent.append(message["text"])

        stage.subscriptions.add("0", Connection(gone))
        stage.subscriptions.add("0", Connection(send))
        await play(stage, FRAMES, Pace(), unharmed(clock), clock)
        assert sent == ["0", "1", "2", "3", "4"]
        assert len(stage.subscriptions.of("0")) == 1

    asyncio.run(main())


def test_a_socket_that_is_closed_while_a_frame_waits_ends_like_one_that_left():
    """The server below refuses frames behind the closing one as an error of the application."""

    async def main() -> None:
        clock, room, closed = _VirtualClock(), asyncio.Event(), []

        async def send(message: Message) -> None:
            await room.wait()
            if message["type"] == "websocket.close":
                closed.append(message)
            elif closed:
                raise RuntimeError

        stage, client = _Stage(clock), Connection(send)
        stage.subscriptions.add("0", client)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.close())
            await asyncio.sleep(0)
            tasks.create_task(play(stage, FRAMES, Pace(), unharmed(clock), clock))
            for _ in range(5):
                await asyncio.sleep(0)
            room.set()
        assert closed
        assert len(stage.seen) == 5
        assert stage.subscriptions.of("0") == ()

    asyncio.run(main())
