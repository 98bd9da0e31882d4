"""How many requests a connection may send: so many a second, and as many again at once."""

from cloud_marketdata.api.stream.refusals import TooManyControlsError
from cloud_marketdata.core.clock import Clock


class Pace:
    """A bucket that holds one second's worth of requests and fills all the time.

    lost: refusals in a row, for coming too early or for want of quota; who goes on like that has
        no interest in the answers.
    """

    def __init__(self, per_s: int, clock: Clock) -> None:
        self.lost = 0
        self._before = 0
        self._per_s = per_s
        self._clock = clock
        self._left = float(per_s)
        self._at = clock.monotonic()

    @property
    def hopeless(self) -> bool:
        """Whether as many requests in a row were refused as a second allows."""
        return self.lost >= self._per_s

    def step(self) -> None:
        """Count one request; raises TooManyControlsError where it comes too early."""
        now = self._clock.monotonic()
        self._left = min(self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            self.lost += 1
            msg = f"more than {self._per_s} requests a second"
            raise TooManyControlsError(msg)
        self._left -= 1
        self._before, self.lost = self.lost, 0

    def refuse(self) -> None:
        """Count the request of the last step as refused after all: the quota had not enough."""
        self.lost = self._before + 1
