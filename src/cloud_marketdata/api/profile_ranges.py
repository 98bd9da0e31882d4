"""The range of a profile: its ends, a session of the UTC calendar, or the last minutes.

Only one of them may be asked for: two ranges in one question are a slip that no answer could tell.
"""

from datetime import UTC, date, datetime, timedelta

from cloud_marketdata.api.questions import MOST_ROLLING, ProfileParams
from cloud_marketdata.api.times import END_OF_TIME, TimeRange, asked_range
from cloud_marketdata.core.errors import BadRequestError, BadTimeError, LimitError
from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.processing.metrics.sessions import session


def profile_range(question: ProfileParams, now: int, longest: timedelta) -> TimeRange:
    """Return the range that a question names; a session that is not over ends now.

    Raises BadRequestError, BadTimeError or LimitError.
    """
    _one_of(question)
    if question.session is not None:
        return _session(question.session, question.date, now)
    if question.rolling is not None:
        return _rolling(question.rolling, now)
    return asked_range(question.start, question.end, now, longest=longest)


def range_named(question: ProfileParams, asked: TimeRange) -> dict[str, str | int]:
    """Return what a method says of a range that was not given by its ends."""
    if question.session is not None:
        start = datetime.fromtimestamp(asked.start // NS_PER_S, UTC)
        return {"session": question.session, "date": question.date or start.date().isoformat()}
    return {} if question.rolling is None else {"rolling": question.rolling}


def _one_of(question: ProfileParams) -> None:
    ends = question.start is not None or question.end is not None
    if ends + (question.session is not None) + (question.rolling is not None) > 1:
        msg = "a range is start and end, or session, or rolling; give one of them"
        raise BadRequestError(msg)
    if question.date is not None and question.session is None:
        msg = "date names a session's day; give session too"
        raise BadRequestError(msg)


def _session(name: str, day: str | None, now: int) -> TimeRange:
    try:
        found = session(name, _day(day, now))
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    except OverflowError:
        found = None
    if found is None or found.start < 0 or found.end > END_OF_TIME:
        msg = "the session lies outside the years 1970 to 2099"
        raise BadTimeError(msg)
    if found.start >= now:
        msg = f"the session {name} of {found.day} has not begun"
        raise BadTimeError(msg)
    return TimeRange(found.start, min(found.end, now))


def _day(text: str | None, now: int) -> date:
    if text is None:
        return datetime.fromtimestamp(now // NS_PER_S, UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"date is not a day such as 2024-08-08: {text[:40]!r}"
        raise BadTimeError(msg) from None


def _rolling(minutes: int, now: int) -> TimeRange:
    if not 1 <= minutes <= MOST_ROLLING:
        msg = f"rolling must be 1 to {MOST_ROLLING} minutes"
        raise LimitError(msg)
    return TimeRange(max(0, now - minutes * Timeframe.M1.ns), now)
