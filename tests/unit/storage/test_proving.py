"""The share of the last hour that is proven: of whole ledgers, and of any intervals."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cloud_marketdata.domain.coverage import PROVEN, CoverageState, Interval
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind
from cloud_marketdata.storage.proving import Proving, share_of

COMPLETE, MISSING = CoverageState.COMPLETE, CoverageState.MISSING
MINUTE = 60 * NS_PER_S
NOW = 20_000 * 86_400 * NS_PER_S
VENUE = Venue.BINANCE_USDM
BTC = Instrument(VENUE, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
STREAM = Stream(VENUE, "BTCUSDT", StreamKind.TRADES)
pieces = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from([None, *CoverageState])), max_size=12
)


class Clock:
    """Time that stands."""

    def now(self) -> int:
        """Nanoseconds."""
        return NOW

    def monotonic(self) -> float:
        """Seconds."""
        return NOW / NS_PER_S


@given(pieces)
def test_the_share_is_that_of_the_proven_seconds_between_the_first_and_the_last_known(given_pieces):
    known, seconds, at = [], [], 0
    for length, state in given_pieces:
        if state is not None:
            known.append(Interval(at, at + length, state))
        seconds += [state] * length
        at += length
    told = [n for n, state in enumerate(seconds) if state is not None]
    within = seconds[told[0] : told[-1] + 1] if told else []
    assume(within)
    true = sum(state in PROVEN for state in within) / len(within)
    assert share_of(known, PROVEN, 0, 10**6) == pytest.approx(true)


def trade(number: int, time: int) -> TradeEvent:
    return TradeEvent(BTC, number, 1, 1, Side.BUY, time, time, number, 1, 0)


async def shares(*trades: TradeEvent) -> dict:
    """Return what is told where these trades are in the log, each as an entry."""
    stores = memory_stores(Clock())
    for one in trades:
        await stores.log.append([Batch(STREAM, [one])])
    proving = Proving(stores, Clock(), None)
    assert list(proving.measures()) == []
    await proving.look()
    for sample in proving.measures():
        assert sample.labels == ("binance", "binance-usdm", "BTCUSDT")
        assert sample.value == proving.shares[VENUE, "BTCUSDT"]
    return proving.shares


@pytest.mark.anyio
async def test_a_market_that_has_just_begun_lacks_nothing():
    told = await shares(trade(1, NOW - 10 * MINUTE), trade(2, NOW - 5 * MINUTE))
    assert told == {(VENUE, "BTCUSDT"): pytest.approx(1)}


@pytest.mark.anyio
async def test_a_first_trade_says_nothing_yet():
    assert await shares(trade(1, NOW + 1)) == {}


@pytest.mark.anyio
async def test_a_hole_takes_its_time_from_the_share():
    times = (NOW - 40 * MINUTE, NOW - 30 * MINUTE, NOW - 20 * MINUTE, NOW)
    told = await shares(*(trade(n, at) for n, at in zip((1, 2, 9, 10), times, strict=True)))
    assert told[VENUE, "BTCUSDT"] == pytest.approx(0.75, abs=0.01)


@pytest.mark.anyio
async def test_a_market_of_which_the_last_hour_knows_nothing_has_no_share_in_it():
    told = await shares(trade(1, NOW - 120 * MINUTE), trade(2, NOW - 90 * MINUTE))
    assert told == {(VENUE, "BTCUSDT"): 0.0}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
