"""A collector that dies between a gap and its repair: where ids prove nothing, too, it asks again.

Before it was killed it had told of the gap, and had stored the trade behind it; so nobody else
would ever look for what lies between.
"""

from collections.abc import Iterable

import pytest
from contract_samples import ETH

from cloud_marketdata.collectors.restoring import restored
from cloud_marketdata.collectors.tapes.gaps import TradeGap, feared
from cloud_marketdata.domain.events import LogEvent, StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

pytestmark = pytest.mark.anyio
START = 1_700_000_000 * NS_PER_S


def trade(number: int) -> TradeEvent:
    """Return the trade of a second."""
    at = START + number * NS_PER_S
    return TradeEvent(ETH, f"u{number}", 100, 7, Side.BUY, at, at, number)


GAP = feared(trade(3), trade(8))


async def log(stores: Stores, kind: StreamKind, events: Iterable[LogEvent]) -> None:
    """Append one entry."""
    await stores.log.append([Batch(Stream(ETH.venue, ETH.symbol, kind), list(events))])


async def trades(stores: Stores, *numbers: int) -> None:
    """Append trades as one entry."""
    await log(stores, StreamKind.TRADES, map(trade, numbers))


async def fact(stores: Stores, kind: StatusKind, **more: str | int) -> None:
    """Append a fact about the gap."""
    told = StatusEvent(ETH.venue, ETH.symbol, kind, START, {**GAP.detail, **more})
    await log(stores, StreamKind.STATUS, [told])


async def to_ask(stores: Stores) -> list[TradeGap]:
    """Return the gaps that a restart asks for again."""
    return (await restored(stores, ETH.venue, ETH.symbol)).gaps


@pytest.fixture
async def torn(stores):
    """Stores of a tape with a gap that was told."""
    await trades(stores, 1, 2, 3)
    await trades(stores, 8, 9)
    await fact(stores, StatusKind.TRADE_GAP)
    return stores


async def test_a_gap_that_nobody_has_answered_for_is_asked_for_again(torn):
    assert await to_ask(torn) == [GAP]


async def test_a_gap_that_could_not_be_filled_is_asked_for_again(torn):
    await fact(torn, StatusKind.TRADES_UNREPAIRED, reason="the venue was away")
    assert await to_ask(torn) == [GAP]


async def test_a_repaired_gap_is_not_asked_for(torn):
    await trades(torn, 4, 5, 6, 7)
    await fact(torn, StatusKind.TRADES_REPAIRED, filled=4)
    assert await to_ask(torn) == []


async def test_a_gap_that_is_filled_already_is_not_asked_for(torn):
    """REST may number trades otherwise than the stream: what is here could come in twice."""
    await trades(torn, 4, 5, 6, 7)
    assert await to_ask(torn) == []


async def test_a_gap_whose_ends_are_long_past_is_not_asked_for(torn):
    await trades(torn, 3600)
    assert await to_ask(torn) == []
