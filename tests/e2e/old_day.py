"""A day of three weeks ago that waits in the warm tier for the cold one, and where it has gone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.aggregate import Aggregate, combined, state_hash
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.objects.days import find_day
from cloud_marketdata.storage.objects.s3 import open_s3
from servers.bucket import Bucket

_BTC: Final = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.00001")))
_MARKET: Final = (_BTC.venue, _BTC.symbol)
_AGO: Final = 21 * Timeframe.D1.ns
_NEVER: Final = 1 << 62
_PATIENCE_S: Final = 20


async def save_old_day(url: str, database: str) -> Aggregate:
    """Have a closed day of ten hours in MongoDB, all of whose minutes have been let go."""
    start = Timeframe.D1.floor(SystemClock().now() - _AGO)
    hours = [_hour(start + number * Timeframe.H1.ns, number) for number in range(10)]
    day = combined(hours, Timeframe.D1, start)
    assert day is not None
    async with open_mongo(MongoPlan(url, database, _PATIENCE_S)) as warm:
        await warm.part.instruments.save([_BTC])
        await warm.part.aggregates.save([*hours, day])
        await warm.part.aggregates.forget(*_MARKET, Timeframe.M1, day.end)
    return day


async def warm_days(url: str, database: str) -> list[str]:
    """Return the hash of each day that MongoDB has."""
    async with open_mongo(MongoPlan(url, database, _PATIENCE_S)) as warm:
        found = await warm.part.aggregates.find_by_range(*_MARKET, Timeframe.D1, 0, _NEVER)
    return [state_hash([day]) for day in found]


async def cold_day(bucket: Bucket, start: int) -> str | None:
    """Return the hash of the day in the bucket, or None."""
    objects = open_s3(
        bucket.name,
        endpoint=bucket.endpoint,
        region=bucket.region,
        prefix="",
        access_key_id=bucket.key,
        secret_access_key=bucket.secret,
        timeout_s=_PATIENCE_S,
    )
    found = await find_day(objects, *_MARKET, datetime.fromtimestamp(start // NS_PER_S, UTC).date())
    return found and state_hash([found])


def _hour(start: int, number: int) -> Aggregate:
    made = Aggregate(_BTC, Timeframe.H1, start)
    made.position, made.final = 1, True
    for at in range(5):
        time = start + at * NS_PER_S
        side = Side.BUY if at % 2 else Side.SELL
        key = 5 * number + at + 1
        made.add(TradeEvent(_BTC, key, 6_000_000 + key, key, side, time, time, key))
    return made
