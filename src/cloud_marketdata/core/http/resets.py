"""How often a client of HTTP/2 takes back what it has asked: work without end, and no answer."""

from collections import deque
from typing import Final

_MOST: Final = 100
_WITHIN_S: Final = 10.0


class Resets:
    """The recent ones of one connection."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()

    def too_many(self, now: float) -> bool:
        """Count one, and tell whether they have become too many within ten seconds."""
        self._recent.append(now)
        while self._recent[0] < now - _WITHIN_S:
            self._recent.popleft()
        return len(self._recent) > _MOST
