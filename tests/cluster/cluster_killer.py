"""Who is struck, how and when, by a seed: one blow after the other, and everybody comes back.

One member of each role is left that is at work, and a collector only where it says that it stands
by for all, because Bybit's REST remembers the newest sixty trades of a spot market only: what
nobody heard for two seconds nobody can tell. Blows fall on
members that have just come back as well as on those that are long at work.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from cluster_members import LEASE_S, ROLES, Member

from cloud_marketdata.core.clock import Clock

# A sleeper wakes up when others have long had what was his.
_ASLEEP_S: Final = 2 * LEASE_S
_AWAY_S: Final = (1.0, 2.5 * LEASE_S)
_PAUSE_S: Final = (0.0, 4.0)
_MOST_AWAY: Final = 2
_HOW: Final[Mapping[str, Callable[[Member], None]]] = {
    "kill -9": Member.kill,
    "SIGTERM": Member.stop,
    "SIGSTOP": Member.sleep,
}


class Blow(NamedTuple):
    """What was done to whom; `at` and `over` in s of a monotonic clock."""

    how: str
    role: str
    name: str
    at: float
    over: float
    base: Mapping[object, int]


class Killer:
    """Strikes members; `blows` is what it has done."""

    def __init__(
        self,
        members: Sequence[Member],
        ends: Callable[[], Mapping[object, int]],
        clock: Clock,
        random: Random,
    ) -> None:
        self.blows: list[Blow] = []
        self._members = members
        self._ends = ends
        self._clock = clock
        self._random = random
        self._due: dict[Member, float] = {}

    def work(self, seconds: float, wait: Callable[[float], None]) -> None:
        """Strike for so long, then give everybody back."""
        end = self._clock.monotonic() + seconds
        while (now := self._clock.monotonic()) < end:
            for member in [one for one, due in self._due.items() if due <= now]:
                self._give_back(member)
            victims = self._victims()
            if victims:
                self._strike(self._random.choice(self._of_spared_roles(victims)))
            wait(self._random.uniform(*_PAUSE_S))
        for member in list(self._due):
            wait(max(0.0, self._due[member] - self._clock.monotonic()))
            self._give_back(member)

    def _victims(self) -> list[Member]:
        if len(self._due) >= _MOST_AWAY:
            return []
        up = [member for member in self._members if member.up]
        able = {member for member in up if self._able(member)}
        left = {role: {one for one in able if one.role == role} for role in ROLES}
        return [member for member in up if left[member.role] - {member}]

    def _of_spared_roles(self, victims: Sequence[Member]) -> list[Member]:
        """Return those whose role was struck least, so that a short run strikes every role."""
        struck = Counter(blow.role for blow in self.blows if blow.how in _HOW)
        least = min(struck[member.role] for member in victims)
        return [member for member in victims if struck[member.role] == least]

    def _able(self, member: Member) -> bool:
        """Whether it can do without the others of its role."""
        back = max((blow.over for blow in self.blows if blow.name == member.name), default=0.0)
        if self._clock.monotonic() - back <= LEASE_S or not member.ready():
            return False
        return member.role != "collect" or member.carries_all()

    def _strike(self, member: Member) -> None:
        how = self._random.choice(sorted(_HOW))
        away = _ASLEEP_S if how == "SIGSTOP" else self._random.uniform(*_AWAY_S)
        self._note(how, member, lambda: _HOW[how](member))
        self._due[member] = self._clock.monotonic() + away

    def _give_back(self, member: Member) -> None:
        del self._due[member]
        self._note("wakes up" if member.asleep else "comes back", member, member.launch)

    def _note(self, how: str, member: Member, do: Callable[[], None]) -> None:
        at = self._clock.monotonic()
        do()
        over = self._clock.monotonic()
        self.blows.append(Blow(how, member.role, member.name, at, over, self._ends()))
