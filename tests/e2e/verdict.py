"""What a deployment has stored, held against its raw log and against what the venues have made."""

import asyncio
from typing import Final, NamedTuple

from deployed import PATIENCE_S, Deployed
from rawlog import RawLog
from recomputed import recomputed, retold
from venuetape import Made, VenueTape

from cloud_marketdata.domain.coverage import PROVEN, CoverageState, Covered
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.ports import Stream, WarmPart

NEVER: Final = 1 << 62
# Time of which nothing at all is told is unknown too.
FEARED: Final = {CoverageState.UNKNOWN, CoverageState.MISSING}
_LATENESS: Final = 2 * NS_PER_S
_SUMMED: Final = (Timeframe.H1, Timeframe.D1)


class Compared(NamedTuple):
    """How much was compared, and found to be right.

    told_lost: trades of Bybit that never came into the log, each told by the ledger.
    """

    trades: int = 0
    buckets: int = 0
    hours: int = 0
    told_lost: int = 0


def judge(deployed: Deployed, places: dict[str, str]) -> Compared:
    """Assert that nothing is lost, double or wrong; for a deployment that has been finished."""
    deployed.witness.assert_all_is_there()
    total = Compared()
    for stream in deployed.log.ends():
        found = judge_market(deployed.log, stream, deployed.venues[stream.venue].tape, places)
        total = Compared(*map(sum, zip(total, found, strict=True)))
    return total


def judge_market(log: RawLog, stream: Stream, tape: VenueTape, places: dict[str, str]) -> Compared:
    """Assert it of one market."""
    trades = _trades(log, stream)
    return asyncio.run(_stored(stream, trades, tape.lost(trades), places))


def _trades(log: RawLog, stream: Stream) -> list[TradeEvent]:
    positions, trades = [], []
    for position, come in log.records(stream):
        positions.append(position)
        trades += come
    assert positions == sorted(set(positions))
    assert len({trade.instrument.scale for trade in trades}) == 1
    return trades


async def _stored(
    stream: Stream, trades: list[TradeEvent], lost: list[Made], places: dict[str, str]
) -> Compared:
    plan = MongoPlan(places["mongodb_url"], places["mongodb_database"], PATIENCE_S)
    async with open_mongo(plan) as warm:
        buckets = {
            timeframe: await _aggregates(warm.part, stream, trades, timeframe)
            for timeframe in (Timeframe.S1, Timeframe.M1, *_SUMMED)
        }
        await _ledger(warm.part, stream, trades, lost)
    return Compared(len(trades), sum(buckets.values()), buckets[Timeframe.H1], len(lost))


async def _aggregates(
    warm: WarmPart, stream: Stream, trades: list[TradeEvent], timeframe: Timeframe
) -> int:
    venue, symbol = stream.venue, stream.symbol
    found = await warm.aggregates.find_by_range(venue, symbol, timeframe, 0, NEVER)
    expected = recomputed(trades, timeframe)
    if timeframe in _SUMMED:
        closed = max(trade.exchange_time for trade in trades) - _LATENESS
        expected = {at: one for at, one in expected.items() if at + timeframe.ns <= closed}
    assert [item.start for item in found] == list(expected), f"{stream} {timeframe}"
    for item in found:
        assert retold(item) == expected[item.start], f"{stream} {timeframe} {item.start}"
    return len(found)


async def _ledger(
    warm: WarmPart, stream: Stream, trades: list[TradeEvent], lost: list[Made]
) -> None:
    venue, symbol = stream.venue, stream.symbol
    kept = await warm.coverage.find(venue, symbol, 0, NEVER)
    ledger = Ledger(venue, symbol, kept)
    assert ledger.trades_at == await warm.aggregates.position(venue, symbol)
    intervals = ledger.intervals(Covered.TRADES)
    if venue.contiguous_ids:
        assert not lost, f"{len(lost)} trades of {venue} are lost, the first is {lost[0]}"
        assert ledger.missing() == []
        assert {interval.state for interval in intervals} <= set(PROVEN)
        newest = max(trades, key=lambda trade: trade.sequence)
        assert ledger.newest == (newest.sequence, newest.exchange_time)
    # Bybit's REST knows the newest trades only, so some may be lost; but never in silence.
    for made in lost:
        time = made.time_ms * NS_PER_MS
        told = {one.state for one in intervals if one.start <= time <= one.end}
        assert not told or told & FEARED, f"{venue} {made} is lost in silence"
