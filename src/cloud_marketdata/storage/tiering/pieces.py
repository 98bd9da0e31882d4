"""A bucket of the next tier, its parts in this one, and whether the one stands for the others.

The parts of a piece may go when its whole is stored, closed and of equal content; hours and days
also want the day's object to have been read back with that very content.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud_marketdata.domain.aggregate import Aggregate, combined, state_hash
from cloud_marketdata.domain.values import Timeframe


class Step(NamedTuple):
    """Parts of one timeframe, whose whole is the bucket that the next tier holds.

    A day is its own whole: what stands for it is its object. most: how many pieces one call takes;
    together: how many of them are read at once.
    """

    part: Timeframe
    whole: Timeframe
    most: int
    together: int = 1


SECONDS: Final = Step(Timeframe.S1, Timeframe.M1, 120, together=30)
MINUTES: Final = Step(Timeframe.M1, Timeframe.H1, 12)
HOURS: Final = Step(Timeframe.H1, Timeframe.D1, 4)
DAYS: Final = Step(Timeframe.D1, Timeframe.D1, 8)
STEPS: Final = (SECONDS, MINUTES, HOURS, DAYS)


class Piece(NamedTuple):
    """What was read of one bucket of the next tier.

    archived: the content hash that was read back from the cold tier, if there is one.
    """

    start: int
    parts: Sequence[Aggregate]
    whole: Aggregate | None
    archived: str | None = None


class Stop(NamedTuple):
    """Why a piece and all behind it stay; `wrong` is what waiting does not mend."""

    start: int
    reason: str
    wrong: bool


def objection(step: Step, piece: Piece) -> Stop | None:
    """Say why the parts may not go, if there are any."""
    if not all(part.final for part in piece.parts):
        return Stop(piece.start, "open", wrong=False)
    if not piece.parts:
        return None
    if piece.whole is None or not piece.whole.final:
        return Stop(piece.start, f"its {step.whole} is not stored", wrong=True)
    if step is not DAYS and not _equal(step, piece, piece.whole):
        return Stop(piece.start, f"its {step.whole} differs from its parts", wrong=True)
    if step.whole is Timeframe.D1 and piece.archived != state_hash([piece.whole]):
        return Stop(piece.start, "its object differs from it", wrong=True)
    return None


def content(parts: Sequence[Aggregate], timeframe: Timeframe, start: int) -> str:
    """Return the content hash of the sum of the parts."""
    total = combined(parts, timeframe, start)
    return state_hash([total] if total else [])


def _equal(step: Step, piece: Piece, whole: Aggregate) -> bool:
    if step is SECONDS:
        # A second has no profile of its own, so the minute is held against its bar and its tape.
        bare = Aggregate(whole.instrument, whole.timeframe, whole.start)
        bare.bar, bare.span = whole.bar, whole.span
        whole = bare
    return content(piece.parts, step.whole, piece.start) == state_hash([whole])
