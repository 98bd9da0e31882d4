"""Keeps a live answer of bars on one page: where the range holds more, its newest part is told.

REST gives the first page and a cursor; a live channel is about the end of the range. So a question
with a fixed start goes on for ever, and its window begins to move once it is full.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cloud_marketdata.api.flow.questions import OrderFlowQuestion
from cloud_marketdata.api.questions import CandlesQuestion
from cloud_marketdata.api.stream.channels.keyed import Picture
from cloud_marketdata.api.stream.channels.pictures import Answer, picture_of
from cloud_marketdata.api.times import ceiling, parse_time
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe

A = TypeVar("A", bound=Answer)
Q = TypeVar("Q", CandlesQuestion, OrderFlowQuestion)


async def newest_bars(question: Q, ask: Callable[[Q], Awaitable[A]], clock: Clock) -> Picture:
    """Return the answer, of the newest `limit` buckets where it would have a next page."""
    now = clock.now()
    answer = await ask(question)
    if answer.meta.next_cursor is None:
        return picture_of(answer)
    end = now if question.end is None else parse_time(question.end, "end")
    frame = Timeframe(question.timeframe)
    start = (ceiling(end, frame) - question.limit * frame.ns) // NS_PER_MS
    moved = question.model_copy(update={"start": start, "end": -(-end // NS_PER_MS)})
    return picture_of(await ask(moved), left_out=start)
