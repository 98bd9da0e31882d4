"""Profiles that were drawn before, text and all, for as long as they are made of the same parts.

A profile says nothing but what its parts say. Parts that come again as the very same objects have
not changed, whatever happened meanwhile; where a trade came late or was filled in, or something was
forgotten, there are other objects. So nothing here can be stale, and nothing needs to expire.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.profile_rows import ProfileRows
from cloud_marketdata.api.schemas import Profile
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.recent import Recent
from cloud_marketdata.core.telemetry.catalogue import CACHE
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.storage.answers import hit_ratio

KEPT_BYTES: Final = 64 * 1024 * 1024
_FACTS_BYTES: Final = 8192
_ROW_BYTES: Final = 56


class _Drawn(NamedTuple):
    """A profile and what it was drawn from; holding the parts keeps their identities taken."""

    parts: Sequence[Aggregate]
    profile: Profile


class KeptProfiles:
    """Draws profiles; `hits` and `misses` count those whose parts may come again."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._drawn: Recent[Hashable, _Drawn] = Recent(most_bytes)
        self.hits = 0
        self.misses = 0

    def of(self, reading: Reading, manner: Hashable, draw: Callable[[], Profile]) -> Profile:
        """Return the profile of a reading, drawn in some manner now or before.

        manner: all that the drawing depends on beside the reading's parts.
        """
        if not reading.lasting:
            return draw()
        key = (manner, tuple(map(id, reading.parts)))
        drawn = self._drawn.get(key)
        if drawn is not None:
            self.hits += 1
            return drawn.profile
        self.misses += 1
        profile = draw()
        self._drawn.keep(key, _Drawn(reading.parts, profile), _weight(profile))
        return profile

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield CACHE.of(self.hits, "hit")
        yield CACHE.of(self.misses, "miss")

    async def pulse(self) -> Pulse:
        """Tell how often a profile was there; see core.health."""
        detail: dict[str, object] = {
            "hits": self.hits,
            "misses": self.misses,
            "ratio": hit_ratio(self.hits, self.misses),
            "bytes": self._drawn.bytes,
            "profiles": len(self._drawn),
            "evicted": self._drawn.evicted,
        }
        return Pulse("processing", "drawn_profiles", "ok", ok=True, detail=detail)


def _weight(profile: Profile) -> int:
    rows = profile.rows
    if isinstance(rows, ProfileRows):
        return _FACTS_BYTES + _ROW_BYTES * len(rows) + len(rows.json)
    return _FACTS_BYTES + len(rows) * 1024
