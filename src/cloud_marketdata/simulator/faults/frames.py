"""Faults of messages on their way to a client.

The same frame for several clients is one occasion: it is dropped, doubled or broken for all of them
that the fault is aimed at.
"""

from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

from cloud_marketdata.simulator.connection import Connection, Delivery
from cloud_marketdata.simulator.faults.payloads import cut_short, mistyped
from cloud_marketdata.simulator.faults.striker import Scene, Striker
from cloud_marketdata.simulator.faults.trigger import MS, Trigger


class FrameFault(Striker):
    """A fault that takes the deliveries of one frame and returns what is left of them."""

    def pass_on(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Strike the deliveries it is aimed at, once for all of a stream."""
        now = self.scene.clock.monotonic()
        chosen: dict[str, bool] = {}
        left: list[Delivery] = []
        for delivery in deliveries:
            if not self.scene.concerns(self.fault, delivery.stream, delivery.connection):
                left.append(delivery)
                continue
            occasion = self.occasion(delivery.stream)
            if occasion not in chosen:
                chosen[occasion] = self.trigger.strikes(now)
                if chosen[occasion]:
                    self.strike(delivery.stream)
            left += self.struck(delivery) if chosen[occasion] else self.spared(delivery)
        return left

    def occasion(self, stream: str) -> str:
        """Return what is decided on once a frame."""
        return stream

    def strike(self, stream: str) -> None:
        """Do what is to be done once an occasion."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Return what becomes of a delivery that is struck."""
        return (delivery,)

    def spared(self, delivery: Delivery) -> Sequence[Delivery]:
        """Return what becomes of one that is not."""
        return (delivery,)

    def left_over(self) -> list[Delivery]:
        """Return what was kept back, when the fault is cleared."""
        return []


class Drop(FrameFault):
    """The message is lost."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Lose it."""
        del delivery
        return ()


class Duplicate(FrameFault):
    """The message comes twice."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Double it."""
        return (delivery, delivery)


class Reorder(FrameFault):
    """The message changes places with the next one of its stream."""

    def __init__(self, trigger: Trigger, scene: Scene) -> None:
        super().__init__(trigger, scene)
        self._kept: WeakKeyDictionary[Connection, dict[str, bytes]] = WeakKeyDictionary()

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Keep it, or let the one that is kept follow it."""
        kept = self._kept.setdefault(delivery.connection, {})
        if delivery.stream in kept:
            return self.spared(delivery)
        kept[delivery.stream] = delivery.payload
        return ()

    def spared(self, delivery: Delivery) -> Sequence[Delivery]:
        """Let the one that is kept follow."""
        late = self._kept.get(delivery.connection, {}).pop(delivery.stream, None)
        return (delivery,) if late is None else (delivery, delivery._replace(payload=late))

    def left_over(self) -> list[Delivery]:
        """Return the messages whose successors never came."""
        kept = self._kept.items()
        return [Delivery(client, s, late) for client, by in kept for s, late in by.items()]


class Delay(FrameFault):
    """The message and all that follows it on the same socket come later."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Hold the line."""
        delivery.connection.hold(self.scene.clock.monotonic() + self.fault.ms * MS)
        self.scene.busy.set()
        return (delivery,)


class Malformed(FrameFault):
    """The message comes, but cannot be read."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Break it."""
        broken = mistyped if self.fault.how == "types" else cut_short
        return (delivery._replace(payload=broken(delivery.payload)),)


class Silent(FrameFault):
    """The stream brings nothing any more, until it is subscribed again; the others live on."""

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Silence the stream for this client."""
        delivery.connection.silenced.add(delivery.stream)
        return ()
