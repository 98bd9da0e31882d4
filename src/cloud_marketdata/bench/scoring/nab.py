"""The Numenta Anomaly Benchmark's scoring, as its published results were computed.

Rows of a file have a time and an anomaly score. An alarm inside a labelled window is worth the more
the earlier it comes, and only the best one counts; one outside costs, the less the shorter it comes
after a window; a window without any alarm costs its weight. The first rows of a file are probation
and count for nothing. One threshold serves the whole corpus, the best there is, and the sum is put
on a scale on which a silent detector has 0 and a perfect one 100.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

PROBATION_SHARE: Final = 0.15
PROBATION_OF_AT_MOST: Final = 5_000
STEEPNESS: Final = 5
FORGOTTEN: Final = 3.0


class Profile(NamedTuple):
    """What a found window, a false alarm and a missed window weigh."""

    found: float
    false: float
    missed: float


STANDARD: Final = Profile(1.0, 0.11, 1.0)
LOW_FALSE: Final = Profile(1.0, 0.22, 1.0)
LOW_MISSED: Final = Profile(1.0, 0.11, 2.0)


class Series(NamedTuple):
    """One file: times and scores row by row, and its windows as pairs of times, ends included."""

    times: Sequence[str]
    scores: Sequence[float]
    windows: Sequence[tuple[str, str]]


class Alarm(NamedTuple):
    """What an alarm at one row would be worth; `window` is None outside of all."""

    score: float
    worth: float
    window: tuple[int, int] | None


def scaled(position: float) -> float:
    """Return the worth at a place: -1 to 0 inside a window, above 0 in window lengths after it."""
    if position > FORGOTTEN:
        return -1.0
    return 2 / (1 + math.exp(STEEPNESS * position)) - 1


def final(corpus: Iterable[Series], profile: Profile) -> float:
    """Return the score of a corpus between 0 (silent) and 100 (perfect); it can be below 0."""
    alarms: list[Alarm] = []
    windows: set[tuple[int, int]] = set()
    for number, series in enumerate(corpus):
        mine = list(_alarms(number, series, profile))
        alarms += mine
        windows |= {alarm.window for alarm in mine if alarm.window}
    silent = -profile.missed * len(windows)
    perfect = profile.found * len(windows)
    return 100 * (_best(alarms, windows, profile) - silent) / (perfect - silent)


def _alarms(number: int, series: Series, profile: Profile) -> Iterable[Alarm]:
    """Yield what an alarm at each row after the probation is worth."""
    places = {time: index for index, time in reversed(list(enumerate(series.times)))}
    bounds = [(places[start], places[end]) for start, end in series.windows]
    probation = math.floor(PROBATION_SHARE * min(len(series.times), PROBATION_OF_AT_MOST))
    for index in range(probation, len(series.times)):
        score = series.scores[index]
        inside = next(((n, b) for n, b in enumerate(bounds) if b[0] <= index <= b[1]), None)
        if inside:
            name, (start, end) = inside
            place = -(end - index + 1) / (end - start + 1)
            worth = profile.found * scaled(place) / scaled(-1.0)
            yield Alarm(score, worth, (number, name))
        else:
            yield Alarm(score, profile.false * _outside(index, bounds), None)


def _outside(index: int, bounds: Sequence[tuple[int, int]]) -> float:
    """Return the worth of an alarm outside: by its distance from the window before it."""
    before = [bound for bound in bounds if bound[1] < index]
    if not before:
        return -1.0
    start, end = before[-1]
    return scaled((index - end) / (end - start))


def _best(alarms: Sequence[Alarm], windows: set[tuple[int, int]], profile: Profile) -> float:
    """Return the best sum that any threshold gives."""
    kept = dict.fromkeys(windows, -profile.missed)
    total = best = sum(kept.values())
    ordered = sorted(alarms, key=lambda alarm: -alarm.score)
    for place, alarm in enumerate(ordered):
        if alarm.window is None:
            total += alarm.worth
        elif alarm.worth > kept[alarm.window]:
            total += alarm.worth - kept[alarm.window]
            kept[alarm.window] = alarm.worth
        # Rows of equal score pass a threshold together.
        if place + 1 == len(ordered) or ordered[place + 1].score < alarm.score:
            best = max(best, total)
    return best
