"""How late a symbol's events come: the venue's own time of each against the time of its receipt.

The clocks of two machines are in it, so it also tells how far they are apart: a venue whose clock
is ahead brings events from the future, which no network explains. Measured once a batch, by its
oldest event. Pure; it corrects nothing, since match times are the venue's to say.
"""

from typing import Final

from cloud_marketdata.domain.values import NS_PER_S

_WINDOW_NS: Final = 10 * NS_PER_S


class Delay:
    """The `newest` delay in ns, and the `largest` of the last ten to twenty seconds."""

    def __init__(self) -> None:
        self.known = False
        self.newest = 0
        self._now = self._before = 0
        self._since = 0

    @property
    def largest(self) -> int:
        """The largest delay of this window and the one before."""
        return max(self._now, self._before)

    def note(self, exchange_time: int, received_at: int) -> None:
        """Take the two times of an event, in ns."""
        self.newest = delay = received_at - exchange_time
        if received_at - self._since < _WINDOW_NS:
            self._now = max(self._now, delay)
            return
        self._before = self._now if self.known else delay
        self.known, self._since, self._now = True, received_at, delay
