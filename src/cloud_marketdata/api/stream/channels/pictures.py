"""Questions out of channels, and answers as JSON values."""

from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel

from cloud_marketdata.api.envelope import Meta
from cloud_marketdata.api.stream.channels.keyed import Picture
from cloud_marketdata.api.stream.ports import Channel
from cloud_marketdata.core.errors import LimitError

Q = TypeVar("Q", bound=BaseModel)
_LEFT_OUT: Final = "a live answer is one page, the newest: what is older than {} ms is left out"


class Answer(Protocol):
    """An answer of REST: data, and meta beside it."""

    @property
    def meta(self) -> Meta:
        """What a reader must know beside the data."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return it as JSON values."""
        ...


def question_of(channel: Channel, question: type[Q]) -> Q:
    """Return the question that a channel asks."""
    given = {"venue": channel.venue, "symbol": channel.symbol, **dict(channel.params)}
    return question.model_validate(given)


def picture_of(answer: Answer, left_out: int | None = None) -> Picture:
    """Return an answer as JSON values; raises LimitError where there is a next page.

    left_out: the epoch ms before which the question was cut to keep its answer on one page; that is
    told among the reasons.
    """
    if answer.meta.next_cursor is not None:
        msg = "a live answer is one page, and more lies at one time; ask for a larger limit or less"
        raise LimitError(msg)
    dumped = answer.model_dump(mode="json")
    if left_out is not None:
        dumped["meta"]["quality"]["reasons"].append(_LEFT_OUT.format(left_out))
    return Picture(dumped["data"], dumped["meta"])
