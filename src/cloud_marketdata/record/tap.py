"""Stands between a link and its socket: frames are kept before anything else is done with them."""

from collections.abc import Callable
from typing import Self

from cloud_marketdata.collectors.connection.link import Link
from cloud_marketdata.collectors.connection.transport import Connect, Receiver, Transport
from cloud_marketdata.record.intake import RecordingIntake
from cloud_marketdata.record.relay import Relay


class Tap:
    """The receiver of one socket, and the transport of one link."""

    def __init__(self, link: Link, relay: Relay) -> None:
        assert isinstance(link.intake, RecordingIntake), "a recorder's links have such intakes"
        self._link = link
        self._relay = relay
        self._intake = link.intake
        self._socket: Transport | None = None

    async def open(self, connect: Connect, url: str) -> Self:
        """Connect; raises what `connect` raises."""
        # Before: the first frames may come together with the venue's consent.
        self._relay.join(self._intake)
        try:
            self._socket = await connect(url, self)
        finally:
            if self._socket is None:
                self._relay.leave(self._intake)
        return self

    # What the socket calls.

    def message(self, payload: bytes, received_at: int) -> None:
        """See transport.Receiver."""
        self._relay.take(self._intake, payload, received_at)
        self._link.message(payload, received_at)

    def read_done(self) -> None:
        """See transport.Receiver."""
        self._link.read_done()

    def ponged(self) -> None:
        """See transport.Receiver."""
        self._link.ponged()

    # What the link calls.

    def send(self, payload: bytes) -> None:
        """See transport.Transport."""
        self._opened.send(payload)

    def pause(self) -> None:
        """See transport.Transport."""
        self._opened.pause()

    def resume(self) -> None:
        """See transport.Transport."""
        self._opened.resume()

    def close(self) -> None:
        """See transport.Transport."""
        # What was written must be known to the books before they say how far they came.
        self._link.read_done()
        self._opened.close()
        self._relay.leave(self._intake)

    async def closed(self) -> None:
        """See transport.Transport."""
        await self._opened.closed()

    @property
    def _opened(self) -> Transport:
        assert self._socket is not None, "the link has no transport before it is open"
        return self._socket


def tapped(connect: Connect, relay_of: Callable[[str], Relay]) -> Connect:
    """Return a `connect` whose frames go to the relay of the connection's name, too."""

    async def tapping(url: str, receiver: Receiver) -> Transport:
        assert isinstance(receiver, Link), "only links connect"
        return await Tap(receiver, relay_of(receiver.plan.name)).open(connect, url)

    return tapping
