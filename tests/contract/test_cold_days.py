"""Laws of the cold tier's days: what is saved is found, nothing is changed, nothing is made up."""

import asyncio
from datetime import date

import pytest
from cold_samples import DAY, Closed, closed, spread
from cold_stores import KINDS, opened
from contract_samples import BTC, VENUE, aggregate, trade
from obstore.store import MemoryStore

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.objects.days import (
    day_key,
    days,
    find_bars,
    find_day,
    save_bars,
    save_day,
)
from cloud_marketdata.storage.objects.profiles import write_profile
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

SECOND = date(1970, 1, 2)
PARTITION = "v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02"
LATER = 1 << 41


@pytest.fixture(params=KINDS)
def objects(request, tmp_path):
    return opened(request, tmp_path)


@pytest.fixture
def memory():
    return ObstoreObjects(MemoryStore())


class Lying(ObstoreObjects):
    """A store that gives back something else than it was given."""

    async def get(self, key: str) -> bytes | None:
        """Return the object with its last byte changed."""
        data = await super().get(key)
        return data and data[:-1] + bytes([data[-1] ^ 1])


def _sized(*sizes: int) -> Closed:
    return closed(trade(DAY + at, price=9 + at, size=size) for at, size in enumerate(sizes))


async def test_a_day_is_found_as_it_was_saved(objects):
    saved = closed(spread(200))
    saved.day.late, saved.day.revision = 2, 3

    entry = await save_day(objects, saved.day)
    kept = await save_bars(objects, saved.day, saved.parts)

    assert entry.key == day_key(VENUE, "BTCUSDT", SECOND) == f"profiles/{PARTITION}/profile.parquet"
    assert kept.key == f"bars/{PARTITION}/bars.parquet"
    found = await find_day(objects, VENUE, "BTCUSDT", SECOND)
    assert pack_aggregate(found) == pack_aggregate(saved.day)
    bars = await find_bars(objects, VENUE, "BTCUSDT", SECOND)
    for timeframe, parts in ((Timeframe.H1, saved.hours), (Timeframe.M1, saved.minutes)):
        told = [(one.start, one.bar) for one in bars.of(timeframe)]
        assert told == [(part.start, part.bar) for part in parts if part.bar]


@pytest.mark.parametrize(
    "sizes",
    [(1,), range(1, 60), (2**62, 2**62, 5), (10**20, 7), (10**45, 3)],
    ids=["one", "many", "quote beyond 64 bits", "decimals", "beyond 38 digits"],
)
async def test_no_number_is_too_large_to_be_kept_exactly(memory, sizes):
    saved = _sized(*sizes)
    await save_day(memory, saved.day)
    await save_bars(memory, saved.day, saved.parts)

    found = await find_day(memory, VENUE, "BTCUSDT", SECOND)
    bars = await find_bars(memory, VENUE, "BTCUSDT", SECOND)

    assert pack_aggregate(found) == pack_aggregate(saved.day)
    assert [one.bar for one in bars.of(Timeframe.H1)] == [hour.bar for hour in saved.hours]


async def test_a_day_of_nothing_but_blocks_has_no_rows_and_no_bars(memory):
    blocks = closed([trade(DAY, flags=1)])
    await save_day(memory, blocks.day)
    await save_bars(memory, blocks.day, blocks.parts)

    found = await find_day(memory, VENUE, "BTCUSDT", SECOND)
    assert (found.bar, found.profile.rows(), found.span.trades) == (None, [], 1)
    assert (await find_bars(memory, VENUE, "BTCUSDT", SECOND)).bars == ()


async def test_a_day_that_was_not_saved_is_none(objects):
    assert await find_day(objects, VENUE, "BTCUSDT", SECOND) is None
    assert await find_bars(objects, VENUE, "BTCUSDT", SECOND) is None
    assert await days(objects, VENUE, "BTCUSDT") == {}


async def test_the_same_content_is_saved_once(objects):
    first, again = closed(spread(9)), closed(spread(9), position=LATER)
    entries = [await save_day(objects, first.day), await save_bars(objects, first.day, first.parts)]

    assert [
        await save_day(objects, again.day),
        await save_bars(objects, again.day, again.hours),
    ] == entries
    assert (
        await objects.list("revised-profiles/v1/") == await objects.list("revised-bars/v1/") == []
    )


async def test_a_day_with_late_trades_is_a_revision_and_the_first_object_stays(objects):
    first, late = closed(spread(9)), closed(spread(10), position=LATER)
    old = await save_day(objects, first.day)
    before = await objects.get(old.key)
    await save_bars(objects, first.day, first.parts)

    new = await save_day(objects, late.day)
    bars = await save_bars(objects, late.day, late.parts)

    revision = f"{PARTITION}/revision={LATER:020d}"
    assert new.key == f"revised-profiles/{revision}/profile.parquet"
    assert bars.key == f"revised-bars/{revision}/bars.parquet"
    assert await objects.get(old.key) == before
    assert await save_day(objects, late.day) == new
    assert await save_day(objects, first.day) == old
    assert await days(objects, VENUE, "BTCUSDT") == {SECOND: new.key}
    found = await find_day(objects, VENUE, "BTCUSDT", SECOND)
    assert pack_aggregate(found) == pack_aggregate(late.day)
    assert (await find_bars(objects, VENUE, "BTCUSDT", SECOND)).day == new.content


@pytest.mark.parametrize("position", [1 << 40, 1 << 39], ids=["as new", "older"])
async def test_another_content_that_includes_no_more_of_the_log_is_refused(memory, position):
    first, other = closed(spread(9)), closed(spread(10), position=position)
    await save_day(memory, first.day)
    await save_bars(memory, first.day, first.parts)

    with pytest.raises(StorageError, match=r"profile\.parquet holds another content"):
        await save_day(memory, other.day)
    with pytest.raises(StorageError, match=r"bars\.parquet holds another content"):
        await save_bars(memory, other.day, other.parts)


async def test_of_writers_who_disagree_one_wins_and_the_others_are_told(objects):
    rivals = [closed(spread(9 + number)).day for number in range(8)]

    told = await asyncio.gather(
        *(save_day(objects, rival) for rival in rivals), return_exceptions=True
    )

    won = [at for at, answer in enumerate(told) if not isinstance(answer, StorageError)]
    assert len(won) == 1
    found = await find_day(objects, VENUE, "BTCUSDT", SECOND)
    assert pack_aggregate(found) == pack_aggregate(rivals[won[0]])


async def test_nothing_counts_as_saved_that_is_not_read_back_as_it_was_written():
    lying, made = Lying(MemoryStore()), closed(spread(9))

    with pytest.raises(StorageError, match="damaged"):
        await save_day(lying, made.day)
    with pytest.raises(StorageError, match="damaged"):
        await save_bars(lying, made.day, made.parts)


async def test_another_object_of_the_same_day_is_not_what_was_written(monkeypatch):
    objects, made, other = ObstoreObjects(MemoryStore()), closed(spread(9)), closed(spread(9))
    other.day.late = 5
    real = objects.put

    async def swapping(key: str, data: bytes) -> bool:
        del data
        return await real(key, write_profile(other.day))

    monkeypatch.setattr(objects, "put", swapping)
    with pytest.raises(StorageError, match="exists with another content"):
        await save_day(objects, made.day)


@pytest.mark.parametrize("final", [True, False])
async def test_only_a_closed_day_is_saved(memory, final):
    frame = Timeframe.H1 if final else Timeframe.D1
    with pytest.raises(ValueError, match="only a final aggregate of one day"):
        await save_day(memory, aggregate(DAY, timeframe=frame, final=final))


async def test_what_does_not_add_up_is_not_written(memory):
    made = closed(spread(50))
    with pytest.raises(StorageError, match="the hours do not sum to the day"):
        await save_bars(memory, made.day, made.hours[1:])
    made.minutes[5].bar.volume += 10**6
    with pytest.raises(StorageError, match=r"the minutes of the hour at .* do not fit in it"):
        await save_bars(memory, made.day, made.parts)
    made.day.bar.quote_volume += 1
    with pytest.raises(StorageError, match="the rows sum to a quote volume of"):
        await save_day(memory, made.day)

    assert await memory.list("profiles/") == await memory.list("bars/") == []


async def test_minutes_that_are_gone_already_are_left_out(memory):
    made = closed(spread(500))
    await save_bars(memory, made.day, [*made.hours, *made.minutes[9:]])

    bars = await find_bars(memory, VENUE, "BTCUSDT", SECOND)

    assert len(bars.of(Timeframe.M1)) == len([m for m in made.minutes[9:] if m.bar])


@pytest.mark.parametrize(
    ("name", "more"),
    [("volume", 10**9), ("taker_buy_quote_volume", 10**15), ("high", 10**6), ("low", -(10**5))],
)
async def test_minutes_of_which_some_are_gone_still_fit_in_their_hour(memory, name, more):
    made = closed(spread(500))
    bar = made.minutes[30].bar
    setattr(bar, name, getattr(bar, name) + more)

    with pytest.raises(StorageError, match=r"the minutes of the hour at .* do not fit in it"):
        await save_bars(memory, made.day, [*made.hours, *made.minutes[::2]])


async def test_a_minute_without_its_hour_is_refused(memory):
    made = closed(spread(2))
    stray = closed(spread(9)).minutes[3]

    with pytest.raises(StorageError, match="there are minutes without their hour"):
        await save_bars(memory, made.day, [*made.parts, stray])


async def test_bars_are_on_the_grid_of_their_day_whatever_grid_the_hours_were_on(memory):
    finer = Instrument(VENUE, "BTCUSDT", Scale(BTC.scale.tick / 2, BTC.scale.lot / 5), 2)
    late = trade(DAY + 80_000 * 10**9, price=1_200_001, instrument=finer)
    made = closed([*spread(20, odd=False), late])
    assert {hour.scale for hour in made.hours} == {BTC.scale, finer.scale}

    await save_day(memory, made.day)
    await save_bars(memory, made.day, made.parts)

    bars = await find_bars(memory, VENUE, "BTCUSDT", SECOND)
    assert bars.instrument.scale == finer.scale
    assert sum(one.bar.volume for one in bars.of(Timeframe.H1)) == made.day.bar.volume


async def test_a_market_has_the_days_that_were_saved_and_no_others(objects):
    other = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", BTC.scale)
    for number in (5, 2, 400):
        await save_day(objects, closed(spread(3, start=number * DAY), number * DAY).day)
    await save_day(objects, closed(spread(3, start=3 * DAY, instrument=other), 3 * DAY).day)
    await objects.put(f"profiles/{PARTITION}/stray.parquet", b"x")

    assert list(await days(objects, VENUE, "BTCUSDT")) == [
        date(1970, 1, 3),
        date(1970, 1, 6),
        date(1971, 2, 5),
    ]


async def test_a_symbol_beyond_ascii_is_found(objects):
    coin = Instrument(Venue.BINANCE_SPOT, "币安人生USDT", BTC.scale)
    await save_day(objects, closed(spread(3, instrument=coin)).day)

    assert list(await days(objects, coin.venue, coin.symbol)) == [SECOND]
    assert (await find_day(objects, coin.venue, coin.symbol, SECOND)).instrument == coin


async def test_a_day_under_the_key_of_another_is_refused(memory):
    entry = await save_day(memory, closed(spread(3)).day)
    await memory.put(day_key(VENUE, "ETHUSDT", SECOND), await memory.get(entry.key))
    await memory.put(day_key(VENUE, "BTCUSDT", date(1970, 1, 3)), await memory.get(entry.key))

    with pytest.raises(StorageError, match=r"symbol=ETHUSDT.* holds binance-usdm BTCUSDT"):
        await find_day(memory, VENUE, "ETHUSDT", SECOND)
    with pytest.raises(StorageError, match=r"date=1970-01-03.* holds binance-usdm BTCUSDT"):
        await find_day(memory, VENUE, "BTCUSDT", date(1970, 1, 3))
