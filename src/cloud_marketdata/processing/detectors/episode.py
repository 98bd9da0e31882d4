"""When something bad has lasted long enough to be told, and when it is over.

A state is told at moments, and holds from one moment to the next. So what lasted is judged before
the new state is taken, and a stretch that nobody looked into is not cut short.
"""

from enum import Enum, auto
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S

_USUAL_AGAIN: Final = 300 * NS_PER_S


class Turn(Enum):
    """What a moment changed."""

    OPENED = auto()
    CLOSED = auto()


class Episode(Struct):
    """A bad stretch is told once it has lasted `lasting` ns, and over after `calming` good ones.

    since: when it began, None where all is well. calm: since when it has been good again. ended:
    when the last told one was over.
    """

    lasting: int
    calming: int
    since: int | None = None
    calm: int | None = None
    told: bool = False
    ended: int = 0

    def turn(self, time: int, *, bad: bool) -> Turn | None:
        """Take the state that begins at `time` ns; times ascend."""
        if self.told:
            return self._over(time, bad=bad)
        if self.since is not None and time - self.since >= self.lasting:
            self.told, self.calm = True, None if bad else time
            return Turn.OPENED
        if bad and self.since is None:
            self.since = time
            return self.turn(time, bad=True) if not self.lasting else None
        if not bad:
            self.since = None
        return None

    def end(self, time: int) -> Turn | None:
        """Forget it at `time` ns, because nothing more can be known."""
        told, self.ended = self.told, time
        self.since, self.calm, self.told = None, None, False
        return Turn.CLOSED if told else None

    def usual(self, time: int) -> bool:
        """Whether the present state says what is usual.

        The state of a bad stretch does not, until it has gone on for five minutes.
        """
        return self.since is None or time - self.since > _USUAL_AGAIN

    def _over(self, time: int, *, bad: bool) -> Turn | None:
        if self.calm is None:
            self.calm = None if bad else time
        if self.calm is not None and time - self.calm >= self.calming:
            self.end(self.calm)
            # What is bad again at the very moment is a stretch of its own.
            self.since = time if bad else None
            return Turn.CLOSED
        if bad:
            self.calm = None
        return None
