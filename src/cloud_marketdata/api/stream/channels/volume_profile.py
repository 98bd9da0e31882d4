"""Volume profile: the answer of REST, then the rows that changed, by `low`, with all facts anew."""

from typing import Final

from cloud_marketdata.api.questions import ProfileParams, ProfileQuestion
from cloud_marketdata.api.stream.channels.answers import answers_every_ms
from cloud_marketdata.api.stream.channels.keyed import Keyed, Picture
from cloud_marketdata.api.stream.channels.made import Made, made_kind
from cloud_marketdata.api.stream.channels.pictures import picture_of, question_of
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel


async def _ask(sources: Sources, channel: Channel) -> Picture:
    return picture_of(await sources.queries.volume_profile(question_of(channel, ProfileQuestion)))


_MADE: Final = Made(_ask, Keyed("rows", "low").change, answers_every_ms)
KIND: Final = made_kind(ProfileParams, _MADE)
