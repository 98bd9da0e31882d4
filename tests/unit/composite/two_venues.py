"""Two markets of one symbol in one store, and the questions about both."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from aged import AgedMarket
from tape import BASE, BTC, MINUTE, FixedClock, Market, trade

from cloud_marketdata.api.composite.queries import CompositeQueries
from cloud_marketdata.api.composite.questions import (
    CompositeFlowQuestion,
    CompositeProfileQuestion,
)
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, Venue
from cloud_marketdata.storage.flow_ports import FlowChanges

BYBIT = Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", Scale(Decimal("0.5"), Decimal("0.002")))
BOTH = "bybit-linear,binance-usdm"
SPAN = {"start": BASE // NS_PER_MS, "end": (BASE + 6 * MINUTE) // NS_PER_MS}


def tape(instrument: Instrument, seed: int, count: int = 200) -> list[TradeEvent]:
    """Random trades around 61,700 on a market's own grid."""
    random = Random(seed)  # noqa: S311  a seed must repeat
    middle = int(Decimal(61_700) / instrument.scale.tick)
    return [
        trade(
            at,
            at * 1_700,
            price=middle + random.randint(-40, 40),
            size=random.randint(1, 60),
            side=random.choice(list(Side)),
            instrument=instrument,
        )
        for at in range(count)
    ]


class Two:
    """Two markets in one store, and the questions about both."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.first = Market(BTC, self.clock)
        self.second = Market(BYBIT, self.clock, self.first.stores)
        queries = self.first.queries
        self.queries = CompositeQueries(
            self.first.stores,
            self.clock,
            queries._known,
            queries._reader,
            queries._quality,
            queries._lateness,
        )

    async def fill(self, *tapes: Sequence[TradeEvent], saved: bool = True) -> "Two":
        """Log what each market traded, and have it folded."""
        for market, trades in zip((self.first, self.second), tapes, strict=True):
            await market.open()
            await market.append(trades)
            if saved:
                await market.save(BASE + 3 * MINUTE)
        return self


def profile(two: Two, venues: str = BOTH, **given: object):
    question = CompositeProfileQuestion(venues=venues, symbol="BTCUSDT", **SPAN, **given)
    return asyncio.run(two.queries.volume_profile(question))


def flow(two: Two, **given: object):
    question = CompositeFlowQuestion(venues=BOTH, symbol="BTCUSDT", **SPAN | given)
    return asyncio.run(two.queries.order_flow(question))


def minute(number: int, lag: int | None, **more: object) -> FlowMinute:
    common = Instrument(BTC.venue, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
    lead = {"lag_ms": lag, "lag_match_ms": lag, "source": "mid", "correlation": 0.5, "z": 9.0}
    basis = {"looks": 600, "mean_bp": 1.5, "low_bp": 1.0, "high_bp": 2.0, "last_bp": 1.75}
    flow = {"binance-usdm": 7 * number, "bybit-linear": -2 * number}
    clock = {"binance-usdm_offset_ms": 12, "bybit-linear_offset_ms": 40}
    readings = {"lead_lag": lead, "basis": basis, "pair_ofi": flow, "pair_clock": clock}
    return FlowMinute(common, BASE + number * MINUTE, readings, 60_000, **more)


async def told(minutes: Sequence[FlowMinute]) -> Two:
    two = await Two().fill(tape(BTC, 1), tape(BYBIT, 2))
    subject = Subject.pair(Venue.BINANCE_USDM, Venue.BYBIT_LINEAR, "BTCUSDT")
    await two.first.stores.flow.save(subject, FlowChanges(b"", minutes))
    return two


async def unequally_aged() -> Two:
    """Of the first market only whole hours are left, of the second everything."""
    two = Two()
    two.first = await AgedMarket(BTC, two.clock).open()
    two.second = Market(BYBIT, two.clock, two.first.stores)
    queries = two.first.queries
    two.queries = CompositeQueries(
        two.first.stores,
        two.clock,
        queries._known,
        queries._reader,
        queries._quality,
        queries._lateness,
    )
    await two.second.open()
    for market, trades in ((two.first, tape(BTC, 1)), (two.second, tape(BYBIT, 2))):
        await market.append(trades)
        await market.save(BASE + 3 * MINUTE)
    two.clock.time += 2 * Timeframe.D1.ns
    await two.first.age()
    return two
