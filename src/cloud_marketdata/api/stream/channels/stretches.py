"""How complete the tape is from some time on, told beside trades as the coverage answer says it."""

from typing import Any

from cloud_marketdata.api.metas import meta_of
from cloud_marketdata.api.questions import CoverageQuestion
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import NS_PER_MS


async def stretch_meta(sources: Sources, channel: Channel, start: int) -> dict[str, Any]:
    """Return the meta of a market's tape from `start` (ns) to now: its gaps, how much is proven.

    Trades are told even where nobody can say that; then the reasons say so.
    """
    question = CoverageQuestion(
        venue=channel.venue, symbol=channel.symbol, start=start // NS_PER_MS
    )
    try:
        meta = (await sources.queries.coverage(question)).meta
    except MarketDataError as error:
        unknown = f"how complete the tape is cannot be told now: {error.code}"
        meta = meta_of(Quality(None, None, None, sources=(channel.venue,), reasons=(unknown,)))
    return meta.model_dump(mode="json")
