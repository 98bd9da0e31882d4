"""How far a venue's clock and the way from it lie behind ours: the smallest delay of ten minutes.

Nothing arrives before it was sent, so the smallest of received minus match time is the distance of
the two clocks plus the fastest way. Added to a match time it gives the moment by our clock at which
the event would have come on that way, free of the network's moods. What the two ways differ by
stays inside; nobody can take it out without a clock that both venues share.
"""

from typing import Final

from msgspec import Struct, field

from cloud_marketdata.domain.values import NS_PER_MS, Timeframe

MINUTES: Final = 10


class ClockOffset(Struct):
    """The smallest delay of each of the last minutes, by our clock; `ns` is that of all of them."""

    ns: int = 0
    least: dict[int, int] = field(default_factory=dict)

    def note(self, exchange_time: int, received_at: int) -> None:
        """Take the two times of an event."""
        minute, delay = received_at // Timeframe.M1.ns, received_at - exchange_time
        if not delay:
            # A book that was asked for by REST has no stamp of the venue's; it bears ours twice.
            return
        known = self.least.get(minute)
        if known is None:
            first = minute - MINUTES
            self.least = {at: kept for at, kept in self.least.items() if at > first}
            self.least[minute] = delay
            self.ns = min(self.least.values())
        elif delay < known:
            self.least[minute] = delay
            self.ns = min(self.ns, delay)

    @property
    def ms(self) -> int:
        """The offset in whole milliseconds, rounded down."""
        return self.ns // NS_PER_MS
