"""Many clients in one process of their own, as cheap as can be, as the server is to be measured.

Each notes for every trade how long ago it was due; its id says when that was.
"""

import asyncio
import contextlib
from array import array
from socket import AF_INET, SO_RCVBUF, SOL_SOCKET, socket
from typing import Final

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from cloud_marketdata.bench.stream.plan import FLOOD, SYMBOL, UPDATE, Crowded, Plan, subscribe
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS

_AT_ONCE: Final = 50
_GRACE_S: Final = 10.0
_PATIENCE_S: Final = 60.0
_ID: Final = b'"id":"'
_NANOSECONDS: Final = 19
_LITTLE: Final = 4096


class Crowd:
    """Counts what all its readers get."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self.plan = plan
        self.now = clock.now
        self.ages = array("q")
        self.listening = self.closed = self.messages = 0
        self._clock = clock

    async def connect(self, url: str) -> None:
        """Have every reader subscribed."""
        for first in range(0, self.plan.clients, _AT_ONCE):
            count = min(_AT_ONCE, self.plan.clients - first)
            await asyncio.gather(*(self._join(url) for _ in range(count)))
        for _ in range(self.plan.stuck):
            await ws_connect(_Stuck, url, socket_factory=_small)
        while self.listening < self.plan.clients:
            await self._clock.sleep(0.05)

    async def _join(self, url: str) -> None:
        # The first one may come while the service still loads what it needs.
        await ws_connect(lambda: _Reader(self), url, websocket_handshake_timeout=_PATIENCE_S)

    def take(self, text: bytes) -> None:
        """Note the age of each trade of an update; one that lags holds several."""
        self.messages += 1
        now, parts = self.now(), text.split(_ID)
        self.ages.extend(now - int(part[:_NANOSECONDS]) for part in parts[1:])

    async def finish(self) -> Crowded:
        """Return what came, at the latest some time after it should have been all."""
        expected = self.plan.clients * self.plan.trades
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while not self.messages:
                    await self._clock.sleep(0.1)
            async with asyncio.timeout(self.plan.seconds + _GRACE_S):
                while len(self.ages) < expected:
                    await self._clock.sleep(0.1)
        ages = sorted(self.ages) or [0]
        return Crowded(
            messages=self.messages,
            delivered=len(self.ages),
            missing=expected - len(self.ages),
            closed=self.closed,
            p50_ms=_ms(ages[len(ages) // 2]),
            p99_ms=_ms(ages[len(ages) * 99 // 100]),
            max_ms=_ms(ages[-1]),
        )


class _Reader(WSListener):
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, subscribe(SYMBOL))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            transport.disconnect()
            return
        text = frame.get_payload_as_bytes()
        if UPDATE in text:
            self._crowd.take(text)
        elif b'"ok":true' in text:
            self._crowd.listening += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        del transport
        self._crowd.closed += 1


class _Stuck(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, subscribe(FLOOD))
        transport.underlying_transport.pause_reading()


def _small(_url: object) -> socket:
    """Return a socket with as little room for what is sent to it as there can be."""
    made = socket(AF_INET)
    made.setsockopt(SOL_SOCKET, SO_RCVBUF, _LITTLE)
    return made


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / NS_PER_MS, 2)
