"""Status: how a market's trades and book are doing, and what its collectors told lately.

`meta` is that of the coverage answer of the last hour: gaps, repairs, what is proven. What is new
is told as it comes; what a collector says every few seconds only changes the states.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from cloud_marketdata.api.depths import OLDEST, servable
from cloud_marketdata.api.questions import CoverageQuestion
from cloud_marketdata.api.stream.channels.answers import answers_every_ms
from cloud_marketdata.api.stream.channels.facts import WORDS, Fact, facts_of
from cloud_marketdata.api.stream.channels.keyed import Keyed, Picture
from cloud_marketdata.api.stream.channels.made import Made, made_kind
from cloud_marketdata.api.stream.channels.places import newest
from cloud_marketdata.api.stream.channels.tape import trades_of
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel
from cloud_marketdata.core.errors import NotReadyError
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

FACTS: Final = 50
_LOOKED_AT: Final = 200
"""Facts that are read back, most of which only say that a collector is alive."""


class StatusParams(BaseModel):
    """The status of a market takes no parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def _ask(sources: Sources, channel: Channel) -> Picture:
    stores, now = sources.stores, sources.clock.now()
    question = CoverageQuestion(venue=channel.venue, symbol=channel.symbol)
    meta = (await sources.queries.coverage(question)).meta.model_dump(mode="json")
    venue = Venue(channel.venue)
    facts = await _facts(stores, venue, channel.symbol)
    data = {
        "venue": channel.venue,
        "symbol": channel.symbol,
        "trades": await _trades(stores, venue, channel.symbol, facts, now),
        "book": await _book(stores, venue, channel.symbol, now),
        "facts": [_plain(fact) for fact in facts if fact.event.kind in WORDS][-FACTS:],
    }
    return Picture(data, meta)


async def _facts(stores: Stores, venue: Venue, symbol: str) -> list[Fact]:
    """Return the newest facts, oldest first."""
    stream = Stream(venue, symbol, StreamKind.STATUS)
    return list(facts_of(await newest(stores.log, stream, _LOOKED_AT)))


async def _trades(
    stores: Stores, venue: Venue, symbol: str, facts: list[Fact], now: int
) -> dict[str, Any]:
    """Return whether a connection brings trades, when that was told, and the newest trade's age.

    A collector says every few seconds that it is alive; after a long silence nothing is known.
    """
    state, told = "unknown", None
    for fact in facts:
        event = fact.event
        if event.kind is StatusKind.TRADES_LOST:
            state, told = "lost", event.received_at
        elif event.kind is StatusKind.ALIVE:
            state = "connected" if event.detail.get("trades") else "lost"
            told = event.received_at
    if told is None or now - told > OLDEST:
        state = "unknown"
    last = await stores.log.last(Stream(venue, symbol, StreamKind.TRADES))
    times = [trade.exchange_time for trade in trades_of(last)] if last else []
    age = max(0, now - max(times)) // NS_PER_MS if times else None
    return {
        "state": state,
        "told_at": None if told is None else told // NS_PER_MS,
        "last_trade": max(times) // NS_PER_MS if times else None,
        "staleness_ms": age,
    }


async def _book(stores: Stores, venue: Venue, symbol: str, now: int) -> dict[str, Any]:
    """Return the state of the book, and why it may not be served where that is so."""
    view = await stores.books.find(venue, symbol)
    try:
        servable(view, f"{venue}/{symbol}", now)
        reason = ""
    except NotReadyError as error:
        reason = str(error)
    return {
        "state": view.state.value if view else "unknown",
        "servable": not reason,
        "reason": reason,
        "update_id": view.update_id if view else None,
        "received_ts": view.received_at // NS_PER_MS if view else None,
    }


def _plain(fact: Fact) -> dict[str, Any]:
    out = fact.written()
    return {name: getattr(out, name) for name in out.__struct_fields__}


_MADE: Final = Made(_ask, Keyed("facts", "id").change, answers_every_ms)
KIND: Final = made_kind(StatusParams, _MADE)
