"""Faults of whole sockets: they strike at a moment rather than at a message."""

from contextlib import suppress
from typing import Final

from cloud_marketdata.simulator.connection import POLICY, Connection
from cloud_marketdata.simulator.faults.striker import Scene, Striker
from cloud_marketdata.simulator.faults.trigger import MS, Trigger

INBOUND_WINDOW_S: Final = 1.0


class TimedFault(Striker):
    """A fault that looks at the clock again and again."""

    async def tick(self, now: float) -> None:
        """Strike, if it is time."""
        raise NotImplementedError

    def chosen(self, now: float) -> list[Connection]:
        """Return the open connections it strikes now, each of them one strike."""
        aimed = [c for c in self.scene.audience if self.scene.audience.means(self.fault.client, c)]
        return [c for c in aimed if self.due(c, now) and self.trigger.strikes(now)]

    def due(self, connection: Connection, now: float) -> bool:
        """Whether a connection may be struck."""
        del now
        return not connection.deaf


class Planned(TimedFault):
    """A fault with moments: one, or one each period."""

    def __init__(self, trigger: Trigger, scene: Scene) -> None:
        super().__init__(trigger, scene)
        self._passed = 0

    def comes(self, now: float) -> bool:
        """Whether the next moment has come; it is passed by that."""
        again = self._passed == 0 or self.fault.period
        if not again or not self.trigger.moment(now, self._passed):
            return False
        while self.fault.period and self.trigger.moment(now, self._passed + 1):
            self._passed += 1
        self._passed += 1
        return True


class HalfOpen(TimedFault):
    """The socket stays open; nothing is sent, read or answered any more."""

    async def tick(self, now: float) -> None:
        """Strike every connection that is there in its time."""
        for connection in self.chosen(now):
            connection.deafen()


class Cut(Planned):
    """The venue closes sockets: at a moment, each period, or at an age."""

    def due(self, connection: Connection, now: float) -> bool:
        """Whether a connection is old enough."""
        return super().due(connection, now) and now - connection.since >= self.fault.age * MS

    async def tick(self, now: float) -> None:
        """Close what is to be closed."""
        if self.fault.age or self.comes(now):
            for connection in self.chosen(now):
                self.scene.audience.leave(connection)
                await connection.close()


class Shutdown(Planned):
    """The venue tells that it will shut down, where it has words for that, and closes later."""

    def __init__(self, trigger: Trigger, scene: Scene) -> None:
        super().__init__(trigger, scene)
        self._closing: list[tuple[float, Connection]] = []

    async def tick(self, now: float) -> None:
        """Tell, and close those whose time is over."""
        if self.comes(now):
            for connection in self.chosen(now):
                self._closing.append((now + self.fault.grace * MS, connection))
                notice = connection.farewell(self.scene.now_ms())
                if notice:
                    with suppress(OSError):
                        async with connection.turn:
                            await connection.send(notice)
        due = [connection for at, connection in self._closing if now >= at]
        self._closing = [(at, connection) for at, connection in self._closing if now < at]
        for connection in due:
            self.scene.audience.leave(connection)
            await connection.close()


class InboundLimit(TimedFault):
    """A client that speaks too often in a second, pings and pongs included, is shown the door."""

    def due(self, connection: Connection, now: float) -> bool:
        """Whether a client has spoken too often."""
        spoken = sum(now - at < INBOUND_WINDOW_S for at in connection.heard)
        return super().due(connection, now) and spoken > self.fault.inbound

    async def tick(self, now: float) -> None:
        """Close the sockets of those who did."""
        for connection in self.chosen(now):
            self.scene.audience.leave(connection)
            await connection.close(POLICY)


class TickChange(Planned):
    """The venue trades on a finer grid from now on; its REST says so."""

    async def tick(self, now: float) -> None:
        """Refine the grid of the symbols, each of them one strike."""
        if self.comes(now):
            for symbol in self.scene.symbols:
                if self.fault.symbol in ("", symbol) and self.trigger.strikes(now):
                    self.scene.refine(symbol, self.fault.divide)
