"""How many calls may listen to the live tape at once: each reads the log for many seconds."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.security.identity import LOCAL
from cloud_marketdata.security.limits.addresses import bucket_of
from cloud_marketdata.security.refusals import QuotaExceededError

MOST: Final = 64
"""Calls in this process."""
MOST_EACH: Final = 8
"""Calls of one key, or of one address that has none."""
_AGAIN_S: Final = 1.0


class TapeSeats:
    """Counts calls that listen now, and those that found no seat."""

    def __init__(self) -> None:
        self.refused = 0
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, visit: Visit) -> Iterator[None]:
        """Listen; raises QuotaExceededError where too many do."""
        who = visit.identity.key_id or bucket_of(visit.address)
        alone = visit.identity != LOCAL and self._taken[who] >= MOST_EACH
        if alone or self._taken.total() >= MOST:
            self.refused += 1
            most = f"{MOST_EACH} calls of one key or address" if alone else f"{MOST} calls here"
            msg = f"{most} listen to the tape already, which is all that may"
            raise QuotaExceededError(msg, _AGAIN_S)
        self._taken[who] += 1
        try:
            yield
        finally:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]

    async def pulse(self) -> Pulse:
        """See Component."""
        taken = self._taken.total()
        told: dict[str, object] = {"listening": taken, "most": MOST, "refused": self.refused}
        full = taken >= MOST
        return Pulse("processing", "agents", "full" if full else "ok", ok=not full, detail=told)
