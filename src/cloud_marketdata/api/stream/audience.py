"""Who listens to one channel: seats that are taken while somebody joins, and live ones.

Everything here is one step of the event loop. A seat that was given up while its owner still joins
never becomes live, so whoever leaves in the middle of a replay is not attached behind its back.
"""

from cloud_marketdata.api.stream.ports import Channel, Frame, Listener
from cloud_marketdata.core.clock import Clock


class Seat:
    """One listener's place in a channel."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.live = False
        self.left = False


class Audience:
    """The seats of a channel; `made` counts the frames that were offered to all."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self.made = 0
        self._channel = channel
        self._clock = clock
        self._seats: dict[Listener, Seat] = {}
        self._quiet_since = self._empty_since = clock.monotonic()

    def __len__(self) -> int:
        """Return how many seats are taken."""
        return len(self._seats)

    @property
    def live(self) -> bool:
        """Whether anybody gets what is offered to all."""
        return any(seat.live for seat in self._seats.values())

    def take(self, listener: Listener) -> Seat:
        """Take a seat that is not live yet; one that the listener had before is given up."""
        self.leave(listener)
        seat = self._seats[listener] = Seat(listener)
        return seat

    def go_live(self, seat: Seat) -> None:
        """Offer to this seat from now on whatever is offered to all, unless it was given up."""
        seat.live = True

    def give_up(self, seat: Seat) -> None:
        """Free a seat, if it is still taken."""
        seat.left, seat.live = True, False
        if self._seats.get(seat.listener) is seat:
            del self._seats[seat.listener]
            self._empty_since = self._clock.monotonic()

    def leave(self, listener: Listener) -> None:
        """Free a listener's seat, if it has one."""
        seat = self._seats.get(listener)
        if seat is not None:
            self.give_up(seat)

    def offer(self, frame: Frame) -> None:
        """Offer a frame to every live seat."""
        self.made += 1
        self._quiet_since = self._clock.monotonic()
        for seat in tuple(self._seats.values()):
            if seat.live:
                seat.listener.offer(self._channel, frame)

    def tell(self, seat: Seat, frame: Frame) -> None:
        """Offer a frame to one seat, live or not, unless its owner has left."""
        if not seat.left:
            seat.listener.offer(self._channel, frame)

    def quiet_s(self) -> float:
        """Return for how long nothing was offered to all."""
        return self._clock.monotonic() - self._quiet_since

    def empty_s(self) -> float:
        """Return for how long nobody has had a seat; 0 while somebody has."""
        return 0.0 if self._seats else self._clock.monotonic() - self._empty_since
