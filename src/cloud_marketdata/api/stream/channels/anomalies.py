"""Anomalies: the answer of REST on one page, then what is new or was told anew, by `id`.

REST gives the first page of a range; where there is more than one, a live channel tells the newest.
"""

from typing import Final

from cloud_marketdata.api.signals.questions import (
    MOST_ANOMALIES,
    AnomaliesParams,
    AnomaliesQuestion,
)
from cloud_marketdata.api.stream.channels.answers import answers_every_ms, one_page
from cloud_marketdata.api.stream.channels.keyed import Keyed, Picture
from cloud_marketdata.api.stream.channels.made import Made, made_kind
from cloud_marketdata.api.stream.channels.pictures import picture_of, question_of
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel
from cloud_marketdata.core.errors import LimitError

_PAGES: Final = 20
Params: Final = one_page(AnomaliesParams, "LiveAnomaliesParams")


async def _ask(sources: Sources, channel: Channel) -> Picture:
    question = question_of(channel, AnomaliesQuestion)
    answer = await sources.queries.signals.market(question)
    if answer.meta.next_cursor is None:
        return picture_of(answer)
    start = _newest(await _last_page(sources, question), question.limit)
    moved = question.model_copy(update={"start": start})
    return picture_of(await sources.queries.signals.market(moved), left_out=start)


async def _last_page(sources: Sources, question: AnomaliesQuestion) -> list[int]:
    """Return when the newest anomalies of a range were detected, in epoch ms."""
    cursor: str | None = None
    seen: list[int] = []
    for _ in range(_PAGES):
        asked = question.model_copy(update={"limit": MOST_ANOMALIES, "cursor": cursor})
        answer = await sources.queries.signals.market(asked)
        seen = seen[-MOST_ANOMALIES:] + [one.detected for one in answer.data.anomalies]
        cursor = answer.meta.next_cursor
        if cursor is None:
            return seen
    msg = f"the range holds more than {_PAGES} large pages; ask for a later start or fewer kinds"
    raise LimitError(msg)


def _newest(detected: list[int], limit: int) -> int:
    """Return from when on there are at most so many; raises LimitError where there are none."""
    if not detected:
        msg = "what the filters let through lies too far apart; ask for a later start"
        raise LimitError(msg)
    before, kept = detected[:-limit], detected[-limit:]
    return kept[0] + 1 if before[-1:] == kept[:1] else kept[0]


_MADE: Final = Made(_ask, Keyed("anomalies", "id").change, answers_every_ms)
KIND: Final = made_kind(Params, _MADE)
