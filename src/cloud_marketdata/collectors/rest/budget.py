"""What may be asked of a venue by REST, and how fast one socket may talk to it.

A venue counts per IP address and bans the one that goes on after a refusal, so there is one budget
per base URL: Bybit spot and linear share theirs. Weights in any sliding window are counted rather
than a bucket refilled, because a bucket of that size lets twice its content through in one window.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from cloud_marketdata.collectors.base import Limits
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueBusyError

# In percent. Others at this address spend too, requests may arrive closer together than they were
# sent, and a limit that was reached costs minutes while the last fifth of it gains seconds.
_SHARE: Final = 80
_LINE_MAX: Final = 1_000
# Who waits longer than this for a ban to end learns it at once, and may do without an answer.
_PATIENCE_S: Final = 60.0
_FORBIDDEN: Final = 403
_BANNED: Final = 418
_FORBIDDEN_S: Final = 600.0
_FIRST_BAN_S: Final = 120.0
_LONGEST_S: Final = 3 * 86_400.0
_DOUBLINGS_MAX: Final = 12
_SECOND: Final = 1.0


class Budget:
    """One venue address: who asks waits here until the weight is there, first come first served.

    `refusals` counts the venue's by its status or code, `turned_away` ours from a full line.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.refusals: Counter[int] = Counter()
        self.turned_away = 0
        self.planned = limits.weight * _SHARE // 100
        self._window_s = limits.window_s
        self._clock = clock
        self._turn = asyncio.Lock()
        self._spare_turn = asyncio.Lock()
        self._waiting = 0
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0
        self._blocked_until = float("-inf")

    @property
    def used(self) -> int:
        """Weight spent in the window that ends now, by us or as far as the venue told by others."""
        self._forget()
        return self._used

    @property
    def blocked_s(self) -> float:
        """Seconds until the venue wants to be asked again; 0 where nothing is in the way."""
        return max(0.0, self._blocked_until - self._clock.monotonic())

    async def spend(self, weight: int, *, spare: bool = False) -> None:
        """Wait until this weight may be asked for, and count it.

        What is `spare` leaves half of the budget to the others. Raises VenueBusyError at once where
        too many wait already, or the venue refuses everybody for longer than a minute.
        """
        assert 0 < weight <= self.planned, "what weighs nothing or too much cannot be planned"
        if self._waiting >= _LINE_MAX:
            self.turned_away += 1
            msg = f"{self._waiting} questions wait for this venue's limit already"
            raise VenueBusyError(msg, max(self.blocked_s, self._window_s))
        self._waiting += 1
        try:
            # A lock serves in the order of asking, so a heavy question is not overtaken for ever.
            async with self._spare_turn if spare else self._turn:
                planned = self.planned // 2 if spare else self.planned
                while wait := self._wait_s(weight, planned):
                    await self._clock.sleep(wait)
                self._count(weight)
        finally:
            self._waiting -= 1

    def told_used(self, used: int) -> None:
        """Take the venue's own count; what it has above ours was spent by others at this address.

        Its window began no earlier than ours, so without others ours is not the lower one. Only a
        question that crossed into its window on the way counts twice, which errs to the safe side.
        """
        others = used - self.used
        if others > 0:
            self._count(others)

    def refused(self, status: int, retry_after_s: float | None = None) -> None:
        """Note that the venue refused for asking too often; nobody asks before it allows.

        Its own word counts where it gave one. Otherwise 418 is a ban that doubles from two minutes,
        403 lasts ten minutes at least, and anything else until the window has passed.
        """
        self.refusals[status] += 1
        until = self._clock.monotonic() + min(self._pause_s(status, retry_after_s), _LONGEST_S)
        self._blocked_until = max(self._blocked_until, until)

    def _pause_s(self, status: int, retry_after_s: float | None) -> float:
        if status == _FORBIDDEN:
            return max(_FORBIDDEN_S, retry_after_s or 0.0)
        if retry_after_s is not None:
            return max(1.0, retry_after_s)
        if status == _BANNED:
            return _FIRST_BAN_S * 2.0 ** min(self.refusals[status] - 1, _DOUBLINGS_MAX)
        return self._window_s

    def _wait_s(self, weight: int, planned: int) -> float:
        """Seconds to wait before looking again; 0 where the weight is there now."""
        blocked_s = self.blocked_s
        if blocked_s > _PATIENCE_S:
            msg = f"the venue wants to be left alone for {blocked_s:.0f} s"
            raise VenueBusyError(msg, blocked_s)
        if blocked_s:
            return blocked_s
        free_at, over = 0.0, self.used + weight - planned
        for at, spent in self._spent:
            if over <= 0:
                break
            free_at, over = at + self._window_s, over - spent
        return max(0.0, free_at - self._clock.monotonic())

    def _count(self, weight: int) -> None:
        self._spent.append((self._clock.monotonic(), weight))
        self._used += weight

    def _forget(self) -> None:
        now, spent = self._clock.monotonic(), self._spent
        while spent and spent[0][0] + self._window_s <= now:
            self._used -= spent.popleft()[1]


class Pacer:
    """Keeps the commands on one socket below a number in any sliding second, pongs included.

    It is pure. One place is always left free, because the transport sends pongs at once and by
    itself, also while a command is on its way. monotonic: seconds of a clock that never steps.
    """

    def __init__(self, commands_per_s: int, monotonic: Callable[[], float]) -> None:
        assert commands_per_s > 1, "with one place kept free nothing could ever be sent"
        self._sent: deque[float] = deque(maxlen=commands_per_s - 1)
        self._monotonic = monotonic

    def wait_s(self) -> float:
        """Seconds before the next command may be sent; 0 where it may go now."""
        if len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return max(0.0, self._sent[0] + _SECOND - self._monotonic())

    def note(self) -> None:
        """Count one message that was just sent, a command or a pong."""
        self._sent.append(self._monotonic())
