"""Points of control of closed sessions as they leave the service."""

from collections.abc import Mapping

from cloud_marketdata.api.envelope import RangeOut
from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.api.profile_series.closed import Traded
from cloud_marketdata.api.profile_series.questions import MOST_SESSIONS, NakedQuestion
from cloud_marketdata.api.profile_series.schemas import NakedControl
from cloud_marketdata.api.schemas import PointOfControl
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.metrics.expansion import Ladder
from cloud_marketdata.processing.metrics.naked import RULES, Control, PassingBar
from cloud_marketdata.processing.metrics.sessions import SESSIONS, Session, closed_sessions


def sessions_of(question: NakedQuestion, now: int) -> list[Session]:
    """Return the sessions that are asked for, ascending; raises BadRequestError or LimitError."""
    if question.session not in SESSIONS:
        msg = f"session must be one of {', '.join(SESSIONS)}"
        raise BadRequestError(msg)
    if question.rule not in RULES:
        msg = f"rule must be one of {', '.join(RULES)}"
        raise BadRequestError(msg)
    if not 1 <= question.look_back <= MOST_SESSIONS:
        msg = f"look_back must be 1 to {MOST_SESSIONS}"
        raise LimitError(msg)
    return closed_sessions(question.session, now, question.look_back)


def totals_of(traded: Traded, scale: Scale, width: int) -> Mapping[int, int]:
    """Return a session's lots by row."""
    return traded.whole.profile.rescaled(scale).coarsened(width).totals()


def control_of(traded: Traded, totals: Mapping[int, int], scale: Scale, width: int) -> Control:
    """Return a session's point of control and the row of its last trade."""
    assert traded.whole.bar is not None, "sessions without trades are left out"
    tick, _ = traded.whole.scale.factors(scale)
    close = traded.whole.bar.close * tick // width
    return Control(Ladder(totals).control, close)


def control_out(
    traded: Traded, poc: tuple[int, int], grid: tuple[Scale, int], filled: PassingBar | None
) -> NakedControl:
    """Describe one session's control; poc: its row and lots, grid: scale and ticks of a row."""
    (row, lots), (scale, width) = poc, grid
    return NakedControl(
        day=traded.session.day.isoformat(),
        start=traded.session.start // NS_PER_MS,
        end=traded.session.end // NS_PER_MS,
        poc=PointOfControl(
            low=price_text(scale, row * width),
            high=price_text(scale, row * width + width - 1),
            volume=size_text(scale, lots),
        ),
        naked=filled is None,
        filled_at=filled and RangeOut(start=filled.start // NS_PER_MS, end=filled.end // NS_PER_MS),
        age=traded.age,
    )
