"""The limit: picows and a typed msgspec decode, and nothing else. No honest path is cheaper."""

import asyncio
from collections.abc import Callable

import msgspec
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from cloud_marketdata.bench.meter import Cost, Meter
from cloud_marketdata.bench.target import STALL_S, Target
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueError


class _Trade(msgspec.Struct, gc=False):
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool


class _Combined(msgspec.Struct, gc=False):
    data: _Trade


class _Loop(WSListener):
    def __init__(self, count: int, meter: Meter, done: asyncio.Future[None]) -> None:
        self.trades = 0
        self._count = count
        self._meter = meter
        self._done = done
        self._decode: Callable[[memoryview], object] = self._begin

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        del transport
        try:
            self._decode(frame.get_payload_as_memoryview())
        except msgspec.DecodeError:
            return
        self.trades += 1
        if self.trades == self._count:
            self._done.set_result(None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        del transport
        if not self._done.done():
            self._done.set_exception(VenueError(f"closed after {self.trades} trades"))

    def _begin(self, payload: memoryview) -> None:
        """Choose the decoder by the first trade; an acknowledgement is neither form."""
        self._meter.first()
        form = _Combined if bytes(payload).startswith(b'{"stream"') else _Trade
        decode = msgspec.json.Decoder(form).decode
        decode(payload)
        self._decode = decode


async def limit(target: Target, clock: Clock) -> Cost:
    """Decode the trades of a server and do nothing with them.

    Raises VenueError where it cannot be reached or sends too few.
    """
    meter, done = Meter(clock), asyncio.get_running_loop().create_future()
    meter.open()
    try:
        async with asyncio.timeout(STALL_S):
            transport, _ = await ws_connect(
                lambda: _Loop(target.count, meter, done), target.address
            )
            transport.send(WSMsgType.TEXT, target.subscribe)
            await done
    except (OSError, WSError, TimeoutError) as error:
        msg = f"{target.address}: {error or 'too few trades in time'}"
        raise VenueError(msg) from error
    cost = meter.cost(target.count)
    transport.disconnect()
    await transport.wait_disconnected()
    return cost
