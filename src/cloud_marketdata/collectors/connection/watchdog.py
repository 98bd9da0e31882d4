"""When a silence becomes suspicious: judged against the stream's own habit, never by one number.

A busy stream that is quiet for four seconds is odd, a pair that trades once an hour is not. The
habit is learnt by looking once a second, and it is remembered across connections because it belongs
to the market. Suspicion is no verdict: `guard` asks the venue before anything is done. Pure.
"""

from typing import Final

from cloud_marketdata.domain.values import NS_PER_S

LOOK_S: Final = 1.0
_TIMES: Final = 4.0
_FORGET: Final = 0.5 ** (LOOK_S / 600.0)
_LONGEST_S: Final = 600.0


class Rhythm:
    """How long a stream is usually silent, at most; it halves in ten minutes without such silence.

    `usual_s` is 0 while nothing is known.
    """

    def __init__(self) -> None:
        self.usual_s = 0.0

    def silent(self, seconds: float) -> None:
        """Learn a silence that came to its end, or was proven to be the market's own."""
        self.usual_s = min(max(seconds, self.usual_s * _FORGET), _LONGEST_S)

    def limit_s(self, least_s: float) -> float:
        """Return the silence above which to become suspicious."""
        return max(least_s, _TIMES * self.usual_s)


class Watch:
    """One stream of one connection.

    began: when the stream was asked for, in ns.
    first_s: patience for the first message, which an acknowledgement does not replace.
    least_s: patience with the busiest stream.
    """

    def __init__(self, rhythm: Rhythm, began: int, *, first_s: float, least_s: float) -> None:
        self._rhythm = rhythm
        self._since = began
        self._heard = 0
        self._silence_s = 0.0
        self._first_s = first_s
        self._least_s = least_s

    def suspicious(self, heard: int, now: int) -> bool:
        """Look once: `heard` is when the last message came (ns), 0 before the first."""
        if heard != self._heard and heard:
            if self._heard:
                self._rhythm.silent(self._silence_s + LOOK_S)
            self._heard = self._since = heard
        # A clock that was set back must not buy a stream hours of patience.
        self._since = min(self._since, now)
        self._silence_s = (now - self._since) / NS_PER_S
        return self._silence_s > self._limit_s()

    def proven_quiet(self, now: int) -> None:
        """Note that the venue had nothing to send: the next suspicion comes much later."""
        self._rhythm.silent(self._silence_s)
        self._since = now

    def undecided(self, now: int) -> None:
        """Note that the venue could not be asked: look again after the same time."""
        self._since = now

    def _limit_s(self) -> float:
        limit = self._rhythm.limit_s(self._least_s)
        return limit if self._heard else max(limit, self._first_s)
