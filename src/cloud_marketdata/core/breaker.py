"""A circuit breaker: an endpoint that fails again and again is left alone for a while.

One stands before each endpoint (WebSocket and REST apart). It is pure: it reads the clock it was
given, waits for nothing and calls nothing. Being refused for asking too often is no failure, since
the venue is alive; `collectors.rest.budget` answers that.
"""

from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether the endpoint may be used."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """CLOSED until failures follow each other, then OPEN, then HALF_OPEN for one probe.

    failure_threshold: failures without a success in between that open it.
    recovery_timeout: seconds it stays open; also how long a probe may stay without an answer.
    monotonic: seconds of a clock that never steps.

    `failures` and `trips` count what failed and how often it opened, since it was made.
    """

    def __init__(
        self,
        failure_threshold: int = 5,
        recovery_timeout: float = 60.0,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        assert failure_threshold > 0, "a breaker that opens without a failure never closes"
        assert recovery_timeout > 0, "a breaker that is open for no time is none"
        self.failures = self.trips = 0
        self._threshold = failure_threshold
        self._timeout = recovery_timeout
        self._monotonic = monotonic
        self._consecutive = 0
        self._free_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """How it stands now."""
        if self._free_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._probing or not self.wait_s() else BreakerState.OPEN

    def wait_s(self) -> float:
        """Seconds until `allow` may say yes; 0 where it would now."""
        return 0.0 if self._free_at is None else max(0.0, self._free_at - self._monotonic())

    def allow(self) -> bool:
        """Whether one call may be made now; after the timeout the caller has the only probe.

        Each call that was allowed is to be followed by `succeeded` or `failed`. A probe that never
        tells its end, because its task was cancelled, gives way to another after the timeout.
        """
        if self._free_at is None:
            return True
        if self.wait_s():
            return False
        self._probing, self._free_at = True, self._monotonic() + self._timeout
        return True

    def succeeded(self) -> None:
        """Note an answer: close, and forget the failures before it."""
        self._consecutive, self._free_at = 0, None

    def failed(self) -> None:
        """Note a failure; one that comes late, from before it opened, prolongs nothing."""
        self.failures += 1
        self._consecutive += 1
        if self._free_at is None:
            if self._consecutive >= self._threshold:
                self._open()
        elif self._probing:
            self._open()

    def _open(self) -> None:
        self.trips += 1
        self._probing, self._free_at = False, self._monotonic() + self._timeout
