"""The faults of one venue: set, struck at their places, reported and cleared.

Frames pass here between the playback and the sockets; the doorway, subscriptions and REST ask
before they let somebody in. A venue without faults costs one look.
"""

from collections.abc import Callable, Iterable
from random import Random
from typing import Final, TypeVar

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.audience import Audience
from cloud_marketdata.simulator.connection import Connection, Delivery
from cloud_marketdata.simulator.faults import doors, frames, klines, replies, sockets, worlds
from cloud_marketdata.simulator.faults.grammar import KINDS
from cloud_marketdata.simulator.faults.language import Fault
from cloud_marketdata.simulator.faults.payloads import renumbered, retimed
from cloud_marketdata.simulator.faults.striker import Scene, Striker
from cloud_marketdata.simulator.faults.trigger import Trigger
from cloud_marketdata.simulator.streams import book_of, target_of

TICK_S: Final = 0.01
STRIKERS: Final[dict[str, Callable[[Trigger, Scene], Striker]]] = {
    "drop": frames.Drop,
    "duplicate": frames.Duplicate,
    "reorder": frames.Reorder,
    "delay": frames.Delay,
    "malformed": frames.Malformed,
    "silent": frames.Silent,
    "ack-only": doors.AckOnly,
    "gap": worlds.Gap,
    "storm": worlds.Storm,
    "snapshot": worlds.Snapshot,
    "restart": worlds.Restart,
    "skew": worlds.Skew,
    "tick": sockets.TickChange,
    "half-open": sockets.HalfOpen,
    "cut": sockets.Cut,
    "shutdown": sockets.Shutdown,
    "refuse": doors.Refuse,
    "rest": replies.Rest,
    "lag": replies.Lag,
    "falsify": klines.Falsify,
    "limit weight": replies.WeightLimit,
    "limit inbound": sockets.InboundLimit,
}
S = TypeVar("S", bound=Striker)


class Mischief:
    """What goes wrong at one venue."""

    def __init__(self, venue: Venue, scene: Scene, seed: int) -> None:
        self.venue = venue
        self._scene = scene
        self._seed = seed
        self._set = 0
        self._strikers: list[Striker] = []
        self._kept: list[Delivery] = []

    @property
    def audience(self) -> Audience:
        """Who is connected."""
        return self._scene.audience

    def knows(self, fault: Fault) -> bool:
        """Whether a fault is meant for this venue and possible there."""
        only = KINDS[fault.kind].exchange
        return fault.venue in ("", self.venue) and only in (None, self.venue.exchange)

    def add(self, fault: Fault) -> None:
        """Set a fault; its times count from now."""
        random = Random(f"{self._seed}/{self.venue}/{self._set}")  # noqa: S311 - must repeat
        trigger = Trigger(fault, self._scene.clock.monotonic(), random)
        self._set += 1
        self._strikers.append(STRIKERS[_name(fault)](trigger, self._scene))
        self._scene.busy.set()

    def clear(self) -> None:
        """End all faults; what they have already done to a socket or to ids stays done."""
        for fault in self.of(frames.FrameFault):
            self._kept += fault.left_over()
        self._strikers.clear()

    def report(self) -> list[dict[str, object]]:
        """Tell each fault with how often it has struck."""
        return [
            {"fault": str(s.fault), "venue": str(self.venue), "struck": s.trigger.struck}
            for s in self._strikers
        ]

    def of(self, kind: type[S]) -> list[S]:
        """Return the faults of a kind that are set."""
        return [striker for striker in self._strikers if isinstance(striker, kind)]

    def pass_on(self, deliveries: Iterable[Delivery]) -> Iterable[Delivery]:
        """Strike one frame on its way to the clients; return what goes out."""
        if not self._set:
            return deliveries
        left, self._kept = [*self._kept, *deliveries], []
        struck = self.of(frames.FrameFault)
        for fault in struck:
            left = fault.pass_on(left) if isinstance(fault, worlds.WorldFault) else left
        left = [d._replace(payload=self.shown(d.stream, d.payload)) for d in left]
        for fault in struck:
            left = left if isinstance(fault, worlds.WorldFault) else fault.pass_on(left)
        return [d for d in left if d.stream not in d.connection.silenced]

    def shown(self, stream: str, payload: bytes) -> bytes:
        """Return a message with the ids and times that the venue shows now."""
        if target_of(stream) in {"depth", "ticker"}:
            payload = self.numbered(book_of(stream), payload)
        return self.dated(payload)

    def numbered(self, book: str, payload: bytes) -> bytes:
        """Return a message or reply about a book with the ids that the venue shows now."""
        by = self._scene.labels.offset(book)
        return renumbered(payload, by) if by else payload

    @property
    def skew_ms(self) -> int:
        """How far every time that the venue tells is moved now."""
        return sum(skew.ms() for skew in self.of(worlds.Skew))

    def dated(self, payload: bytes) -> bytes:
        """Return a message or reply with the times that the venue shows now."""
        for skew in self.of(worlds.Skew):
            ms = skew.ms()
            if ms:
                skew.trigger.strikes(self._scene.clock.monotonic())
                payload = retimed(payload, ms)
        return payload

    def refusal(self, path: str) -> replies.Refusal | None:
        """Return how a REST request is refused, or None."""
        refusals = (fault.refusal(path) for fault in self.of(replies.Rest))
        return next((refusal for refusal in refusals if refusal), None)

    def refuses(self) -> bool:
        """Whether a connection attempt is refused."""
        return any(fault.refuses() for fault in self.of(doors.Refuse))

    def subscribed(self, stream: str, connection: Connection) -> bool:
        """Take a subscription; False where it will bring nothing."""
        for fault in self.of(doors.AckOnly):
            fault.subscribed(stream, connection)
        return stream not in connection.silenced

    async def run(self) -> None:
        """Strike what strikes by the clock, and release what was held, as long as there is any."""
        while True:
            await self._scene.busy.wait()
            await self.tick()
            held = any(connection.held for connection in self.audience)
            if not held and not self.of(sockets.TimedFault):
                self._scene.busy.clear()
            await self._scene.clock.sleep(TICK_S)

    async def tick(self) -> None:
        """Look at the clock once."""
        now = self._scene.clock.monotonic()
        for fault in self.of(sockets.TimedFault):
            await fault.tick(now)
        for connection in self.audience:
            if connection.held:
                try:
                    await connection.release(now)
                except OSError:
                    self.audience.leave(connection)


def _name(fault: Fault) -> str:
    if fault.kind == "limit":
        return "limit weight" if fault.weight else "limit inbound"
    return fault.kind
