"""How many connections to the live stream one address and one key hold, in this process.

Each stays counted for as long as its context lasts. What a whole deployment carries is this number
times its processes: a connection costs the process that holds it and no other.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.security.identity import Identity
from cloud_marketdata.security.limits.addresses import bucket_of
from cloud_marketdata.security.limits.counted import Kind
from cloud_marketdata.security.refusals import QuotaExceededError

_AGAIN_S: Final = 5.0
"""When to try again: nobody knows when a connection ends, but trying at once helps nobody."""
_WHOSE: Final[dict[Kind, str]] = {"ip": "from this address", "key": "with this key"}


class Seats:
    """Connections by address and by key; `refused` counts by kind what came beyond the bound."""

    def __init__(self, settings: Settings) -> None:
        self.refused: Counter[Kind] = Counter()
        self._most: dict[Kind, int] = {
            "ip": settings.stream_per_ip,
            "key": settings.stream_per_key,
        }
        self._taken: Counter[tuple[Kind, str]] = Counter()

    @contextmanager
    def of_address(self, address: str) -> Iterator[None]:
        """Hold a seat of the address; raises QuotaExceededError where all of them are taken.

        Whoever asks from this machine itself needs none.
        """
        with self._seat("ip", bucket_of(address)):
            yield

    @contextmanager
    def of_key(self, identity: Identity) -> Iterator[None]:
        """Hold a seat of the key, where there is one; raises QuotaExceededError as above."""
        if not identity.key_id:
            yield
            return
        with self._seat("key", identity.key_id):
            yield

    @contextmanager
    def _seat(self, kind: Kind, name: str) -> Iterator[None]:
        place = kind, name
        if self._taken[place] >= self._most[kind]:
            self.refused[kind] += 1
            msg = (
                f"{self._most[kind]} connections {_WHOSE[kind]} are open, which is all it may have"
            )
            raise QuotaExceededError(msg, _AGAIN_S)
        self._taken[place] += 1
        try:
            yield
        finally:
            self._taken[place] -= 1
            if not self._taken[place]:
                del self._taken[place]

    async def pulse(self) -> Pulse:
        """See Component."""
        held = Counter[Kind]()
        for (kind, _), number in self._taken.items():
            held[kind] += number
        told: dict[str, object] = {"held": dict(held), "refused": dict(self.refused)}
        return Pulse("security", "seats", "ok", ok=True, detail=told)
