"""Who of the living works on what: who tries for it, who stands by, and when an owner lets go.

By rank every piece of work has one heir, which is its first member. It takes the work wherever it
is free, and where somebody else has it, it says that it stands ready. An owner lets go of what is
another's only when that one stands ready and the list of the living has been the same for a beat:
so a member that hangs is given nothing, and lists that change within a moment move nothing. The
others try seldom, the later the further they stand, for an heir that lives and does not come.
"""

from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.sharing_ports import Leases

_LOOK_S: Final = 0.5
_BEATS: Final = 4
"""Beats of a member in the time of a lease; see Membership."""
_ASKED: Final = 3
"""Looks for which somebody is taken to stand ready."""


class Handover:
    """One piece of work among the members; it decides nothing by itself, only a lease does.

    name: of the lease of the work. seconds: how long a lease lasts. `pause` is how long to wait
    between two looks.
    """

    def __init__(
        self, name: str, membership: Membership, leases: Leases, seconds: float, clock: Clock
    ) -> None:
        self.pause = min(_LOOK_S, seconds / 12)
        self._name = name
        self._membership = membership
        self._leases = leases
        self._seconds = seconds
        self._clock = clock
        self._changes = -1
        self._changed_at = 0.0
        self._rank: int | None = None
        self._tries_at: float | None = None
        self._look_at = 0.0

    @property
    def first(self) -> bool:
        """Whether the work is ours by rank."""
        self._heard()
        return self._rank == 0

    @property
    def alone(self) -> bool:
        """Whether nobody else is known to live."""
        return not set(self._membership.living) - {self._membership.name}

    def wants(self) -> bool:
        """Return whether to try for the work now."""
        self._heard()
        if not self._rank:
            self._tries_at = None
            return self._rank == 0
        now = self._clock.monotonic()
        due = self._tries_at is not None and now >= self._tries_at
        if due or self._tries_at is None:
            self._tries_at = now + self._rank * self._seconds
        return due

    async def ask(self) -> None:
        """Say that we stand ready for what is ours by rank and somebody else still has."""
        if self.first:
            # Over before any list counts as settled, so nobody is taken for an heir of later.
            await self._leases.acquire(self._asked, self._membership.name, _ASKED * self.pause)

    async def asked(self) -> bool:
        """Return whether the owner, who asks this again and again, is to let go now."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + self.pause
        self._tries_at = None
        return not self.first and self._settled(now) and await self._somebody_asks()

    @property
    def _asked(self) -> str:
        return f"{self._name}/heir"

    async def _somebody_asks(self) -> bool:
        """Look whether another has the heir's lease, which we can have only where nobody has."""
        ours = await self._leases.acquire(self._asked, self._membership.name, self.pause)
        if ours is not None:
            await self._leases.release(self._asked, self._membership.name)
        return ours is None

    def _settled(self, now: float) -> bool:
        return now - self._changed_at >= self._seconds / _BEATS

    def _heard(self) -> None:
        """Rank anew where the list has changed."""
        living = self._membership
        if living.changes != self._changes:
            self._changes, self._changed_at = living.changes, self._clock.monotonic()
            self._rank = living.rank(self._name, max(1, len(living.living)))
            self._tries_at = None
