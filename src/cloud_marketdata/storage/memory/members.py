"""Members in memory: the parts of one process, by the clock handed in."""

from collections import defaultdict
from collections.abc import Sequence

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S


class MemoryMembers:
    """Members in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, dict[str, int]] = defaultdict(dict)

    async def beat(self, group: str, name: str, seconds: float) -> Sequence[str]:
        """Say that `name` lives for `seconds` from now on; return all who live, sorted."""
        self._until[group][name] = self._clock.now() + int(seconds * NS_PER_S)
        return await self.living(group)

    async def leave(self, group: str, name: str) -> None:
        """Say that `name` is gone."""
        self._until[group].pop(name, None)

    async def living(self, group: str) -> Sequence[str]:
        """Return all who live, sorted."""
        now = self._clock.now()
        living = {name: until for name, until in self._until[group].items() if until > now}
        self._until[group] = living
        return sorted(living)
