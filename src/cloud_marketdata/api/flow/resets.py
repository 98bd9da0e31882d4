"""When the CVD of a question begins anew, read from its parameters."""

from cloud_marketdata.api.flow.questions import MOST_ROLLED, OrderFlowQuestion
from cloud_marketdata.api.times import parse_time
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.cvd import Policy, Reset


def reset_of(question: OrderFlowQuestion, timeframe: Timeframe) -> Reset:
    """Return the reset; an anchor counts from the start of the bar that holds it.

    Raises BadRequestError on parameters that do not belong together, LimitError on a rolling sum of
    more bars than one answer may read.
    """
    policy = _policy(question.reset)
    if (question.anchor is not None) != (policy is Policy.ANCHOR):
        msg = "anchor is a time that goes with reset=anchor, and reset=anchor needs it"
        raise BadRequestError(msg)
    if (question.rolling is not None) != (policy is Policy.ROLLING):
        msg = "rolling is a number of minutes that goes with reset=rolling, which needs it"
        raise BadRequestError(msg)
    if question.anchor is not None:
        return Reset(policy, anchor=timeframe.floor(parse_time(question.anchor, "anchor")))
    if question.rolling is not None:
        return Reset(policy, length=_length(question.rolling, timeframe))
    return Reset(policy)


def _policy(text: str) -> Policy:
    try:
        return Policy(text)
    except ValueError:
        msg = f"reset must be one of {', '.join(Policy)}"
        raise BadRequestError(msg) from None


def _length(minutes: int, timeframe: Timeframe) -> int:
    length = minutes * Timeframe.M1.ns
    if minutes < 1 or length % timeframe.ns:
        msg = f"rolling must be whole bars of {timeframe}, at least one"
        raise BadRequestError(msg)
    if length // timeframe.ns > MOST_ROLLED:
        msg = f"rolling spans more than {MOST_ROLLED} bars of {timeframe}; ask for longer bars"
        raise LimitError(msg)
    return length
