"""Pages of anomalies by keyset: the key is (detected, id), never an offset.

A page reads a bounded number of signals, so one whose filters let few through may be shorter than
its limit and still name a next one.
"""

from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from msgspec import Struct

from cloud_marketdata.api import cursors
from cloud_marketdata.api.cursors import Cursor
from cloud_marketdata.api.signals.questions import MOST_ANOMALIES, AnomaliesParams
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, Subject
from cloud_marketdata.storage.flow_ports import FlowRepository

E = TypeVar("E", bound=StrEnum)

_AT_ONCE: Final = 1000
_READS: Final = 10


class Wanted(NamedTuple):
    """What is let through; an empty set lets all."""

    kinds: frozenset[SignalKind]
    severities: frozenset[Severity]
    states: frozenset[SignalState]

    @classmethod
    def of(cls, asked: AnomaliesParams) -> "Wanted":
        """Read the filters; raises BadRequestError on one that there is not."""
        return cls(
            _named(asked.kinds, SignalKind, "kinds"),
            _named(asked.severity, Severity, "severity"),
            _named(asked.state, SignalState, "state"),
        )

    def lets(self, signal: Signal) -> bool:
        """Whether a signal of a wanted kind is wanted."""
        severe = not self.severities or signal.severity in self.severities
        return severe and (not self.states or signal.state in self.states)

    def identity(self, subject: Subject) -> str:
        """Return what a cursor belongs to: the subject and these very filters."""
        filters = ("+".join(sorted(names)) for names in self)
        return "|".join(("anomalies", *subject, *filters))


class Place(NamedTuple):
    """The range that is left, and of its first instant the last id that was given."""

    range: TimeRange
    after: str = ""


class Page(Struct, frozen=True):
    """What was let through, and the place behind the last one that was read, if there is more."""

    signals: list[Signal]
    rest: Place | None


def place_of(cursor: str, identity: str) -> Place:
    """Return where a cursor goes on; raises BadCursorError."""
    found = cursors.decode(cursor, identity)
    end = found.time if found.end is None else found.end
    return Place(TimeRange(found.time, max(found.time, end)), found.name)


def cursor_of(page: Page, identity: str) -> str | None:
    """Return the cursor of the next page, or None after the last one."""
    if page.rest is None:
        return None
    within, after = page.rest
    return cursors.encode(Cursor(identity, within.end, within.start, 0, after))


def checked_limit(limit: int) -> int:
    """Return the limit; raises LimitError."""
    if not 1 <= limit <= MOST_ANOMALIES:
        msg = f"limit must be 1 to {MOST_ANOMALIES}"
        raise LimitError(msg)
    return limit


async def read_page(
    flow: FlowRepository, subject: Subject, place: Place, wanted: Wanted, limit: int
) -> Page:
    """Read at most `limit` signals that are wanted, from the place on."""
    let: list[Signal] = []
    # Without a filter that the store does not know, one more than the page is all that is needed.
    count = _AT_ONCE if wanted.severities or wanted.states else limit + 1
    for _ in range(_READS):
        found = await flow.signals(
            subject, *place.range, after=place.after, kinds=wanted.kinds, limit=count
        )
        for at, signal in enumerate(found):
            if len(let) == limit:
                return Page(let, _behind(place, found[at - 1]) if at else place)
            let += [signal] if wanted.lets(signal) else []
        if len(found) < count:
            return Page(let, None)
        place = _behind(place, found[-1])
    return Page(let, place)


def _behind(place: Place, signal: Signal) -> Place:
    return Place(TimeRange(signal.detected, place.range.end), signal.id)


def _named(given: str | None, names: type[E], parameter: str) -> frozenset[E]:
    words = [word.strip() for word in (given or "").split(",") if word.strip()]
    unknown = [word for word in words if word not in set(names)]
    if unknown:
        msg = f"{parameter}: there is no {unknown[0][:40]!r}; there is {', '.join(names)}"
        raise BadRequestError(msg)
    return frozenset(map(names, words))
