"""When a fact of ours happened on the venue's own clock, although the venue never said so.

Facts about streams carry our time only. The shortest way a log entry took from its match time to us
is what the two clocks differ by at most, so a fact is put that far before its arrival. What the
answer depends on are entries of earlier seconds alone, so it is the same however they were read.
"""

from typing import Final

from cloud_marketdata.domain.values import NS_PER_S

_REMEMBERED: Final = 60
_MOST: Final = 3_600

Seen = list[tuple[int, int]]
"""Second of arrival (s), and the shortest way of an entry that arrived in it (ns)."""


class VenueTime:
    """Remembers the shortest way in each of the last seconds that had an entry.

    A burst of old entries does not mislead it, because these took the longer way.
    """

    def __init__(self, seen: Seen | None = None) -> None:
        self._shortest: dict[int, int] = dict(seen or [])

    @property
    def seen(self) -> Seen:
        """What is remembered, to be stored."""
        return sorted(self._shortest.items())

    def note(self, exchange_time: int, received_at: int) -> None:
        """Take the times of an entry's first or last event."""
        second, way = received_at // NS_PER_S, received_at - exchange_time
        known = self._shortest.get(second)
        if known is None or way < known:
            self._shortest[second] = way
            if len(self._shortest) > _MOST:
                self._keep(sorted(self._shortest)[-_MOST // 2 :])

    def of(self, received_at: int) -> int | None:
        """Return the match time of that moment; None before anything is known of the clocks.

        Moments must not go back by more than a minute of entries.
        """
        second = received_at // NS_PER_S
        before = sorted(known for known in self._shortest if known < second)
        if not before:
            return None
        recent = before[-_REMEMBERED:]
        if len(before) > 2 * _REMEMBERED:
            self._keep([known for known in self._shortest if known >= before[-2 * _REMEMBERED]])
        return received_at - min(self._shortest[known] for known in recent)

    def _keep(self, seconds: list[int]) -> None:
        self._shortest = {second: self._shortest[second] for second in seconds}
