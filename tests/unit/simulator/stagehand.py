"""A seeded venue on a clock that the test turns, with clients that keep what they get."""

import asyncio
from itertools import islice
from typing import Any

import msgspec
from starlette.types import Message

from cloud_marketdata.domain.values import NS_PER_S, Exchange, Venue
from cloud_marketdata.simulator.binance import BinanceClient
from cloud_marketdata.simulator.connection import Connection, Delivery
from cloud_marketdata.simulator.faults.language import parse
from cloud_marketdata.simulator.staging import Simulation, prepare

SYMBOLS = ("BTCUSDT", "ETHUSDT")


class TurnedClock:
    """Time passes when somebody sleeps, or the test says so."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return 1_786_310_820 * NS_PER_S + int(self.elapsed * NS_PER_S)

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.elapsed += seconds
        await asyncio.sleep(0)


class Listener:
    """A client's end of a socket: the messages it got, and the code it was closed with."""

    def __init__(self, venue: Venue) -> None:
        self.got: list[bytes] = []
        self.closed = 0
        bybit = venue.exchange is Exchange.BYBIT
        self.connection = (Connection if bybit else BinanceClient)(self._take)

    async def _take(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            self.closed = message["code"]
        else:
            self.got.append(message["text"].encode())


class Theatre:
    """One venue with its faults; `play` returns what leaves for the clients."""

    def __init__(self, venue: Venue, faults: str = "", seed: int = 3) -> None:
        self.clock = TurnedClock()
        options = Simulation(venues=(venue,), symbols=SYMBOLS, seed=seed)
        (act,) = prepare(options, self.clock)
        self.stage, self.mischief, self._frames = act.stage, act.mischief, iter(act.source)
        self.venue = venue
        for fault in parse(faults) if faults else ():
            self.mischief.add(fault)

    def enter(self, *streams: str) -> Listener:
        """Let a client in, with its subscriptions."""
        listener = Listener(self.venue)
        self.mischief.audience.enter(listener.connection, self.clock.monotonic())
        for stream in streams:
            self.stage.subscriptions.add(stream, listener.connection)
            self.mischief.subscribed(stream, listener.connection)
        return listener

    def play(self, frames: int) -> list[Delivery]:
        """Play frames; return what is sent, without sending it."""
        payloads = (frame.payload for frame in islice(self._frames, frames))
        return [d for p in payloads for d in self.mischief.pass_on(self.stage.deliveries(p))]

    async def send(self, frames: int) -> None:
        """Play frames into the sockets."""
        for delivery in (d for _ in range(frames) for d in self.play(1)):
            async with delivery.connection.turn:
                await delivery.connection.send(delivery.payload)

    @property
    def struck(self) -> list[Any]:
        """How often each fault has struck."""
        return [row["struck"] for row in self.mischief.report()]


def streams(venue: Venue, kind: str) -> list[str]:
    """Return the names of the trade or depth streams of both symbols."""
    bybit = {"trade": "publicTrade.{}", "depth": "orderbook.1000.{}"}
    binance = {"trade": "{}@aggTrade", "depth": "{}@depth@100ms"}
    if venue.exchange is Exchange.BYBIT:
        return [bybit[kind].format(symbol) for symbol in SYMBOLS]
    return [binance[kind].format(symbol.lower()) for symbol in SYMBOLS]


def body(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    return msgspec.json.decode(payload)["data"]
