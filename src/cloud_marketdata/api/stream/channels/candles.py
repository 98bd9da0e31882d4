"""Candles: the answer of REST on one page, then the bars that changed, by `open_time`.

The open bar is told again as it grows; when it has closed it is told with `final`.
"""

from typing import Final

from cloud_marketdata.api.questions import CandlesParams, CandlesQuestion
from cloud_marketdata.api.stream.channels.answers import answers_every_ms, one_page
from cloud_marketdata.api.stream.channels.keyed import Keyed, Picture
from cloud_marketdata.api.stream.channels.made import Made, made_kind
from cloud_marketdata.api.stream.channels.newest_bars import newest_bars
from cloud_marketdata.api.stream.channels.pictures import question_of
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel

Params: Final = one_page(CandlesParams, "LiveCandlesParams")


async def _ask(sources: Sources, channel: Channel) -> Picture:
    question = question_of(channel, CandlesQuestion)
    return await newest_bars(question, sources.queries.candles, sources.clock)


_MADE: Final = Made(_ask, Keyed("candles", "open_time").change, answers_every_ms)
KIND: Final = made_kind(Params, _MADE)
