"""Nothing is let go before the next tier holds it, whatever goes wrong on the way."""

import msgspec
import pytest
from fortnight import D1, DAY, H1, HOUR, M1, S1, START, FarObjects, HeldClock, Tape, summed

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.rebuild import Scope, rebuild
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.objects.days import days, save_day
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.archiving import Archiving
from cloud_marketdata.storage.tiering.forgetting import Forgetting

pytestmark = pytest.mark.anyio
MARKET = (Venue.BINANCE_SPOT, "BTCUSDT")
SETTINGS = Settings()
LONG_AFTER = START + 20 * DAY


class Unlisting(FarObjects):
    """An object store that takes objects and refuses manifests."""

    refuses = True

    async def put(self, key: str, data: bytes) -> bool:
        """See ObjectStore."""
        if self.refuses and key.startswith("manifests/"):
            msg = "no manifest today"
            raise StorageError(msg)
        return await super().put(key, data)


class Stage:
    """Stores with three closed days of one market, and what moves them on."""

    def __init__(self, stores: Stores, objects: FarObjects | None = None) -> None:
        self.clock = HeldClock()
        self.clock.at = LONG_AFTER
        self.cold = objects or FarObjects(stores.objects)
        self.stores = msgspec.structs.replace(stores, objects=self.cold)
        self.trades: list[TradeEvent] = []
        self.anew()

    def anew(self) -> None:
        """Forget what a process keeps in memory."""
        archived = Archived()
        self.forgetting = Forgetting(self.stores, SETTINGS, self.clock, archived)
        self.archiving = Archiving(
            self.stores, self.clock, archived, markets=lambda: [MARKET], every_s=60
        )

    async def fill(self, *, days: int = 3, finest: Timeframe = S1) -> None:
        """Store trades of whole days, and of the hour behind them, which is what closed them."""
        tape = Tape(*MARKET, seed=1)
        for hour in range(days * 24 + 1):
            self.trades += tape.make(START + hour * HOUR, 1)
        for timeframe in (S1, M1, H1, D1):
            if timeframe.ns >= finest.ns:
                await self.save(timeframe, START + days * DAY)

    async def save(self, timeframe: Timeframe, until: int) -> None:
        """Store every bucket of a timeframe that ends by then, closed."""
        made = [one for one in summed(self.trades, timeframe).values() if one.end <= until]
        for one in made:
            one.final, one.position = True, 1
        await self.stores.aggregates.save(made, fence=1)

    async def forget(self) -> None:
        """Let go all that may go."""
        while (await self.forgetting.forget(*MARKET, fence=1)).more:
            pass

    async def stored(self, timeframe: Timeframe) -> list[Aggregate]:
        """Return every bucket of the warm tier."""
        return await self.stores.aggregates.find_by_range(*MARKET, timeframe, 0, 1 << 62)

    async def counts(self) -> list[int]:
        """Return how many seconds, minutes, hours and days there are."""
        return [len(await self.stored(timeframe)) for timeframe in (S1, M1, H1, D1)]


@pytest.fixture
def stage(stores) -> Stage:
    return Stage(stores)


async def test_a_day_leaves_the_warm_tier_when_it_was_read_back_from_the_cold_one(stage):
    await stage.fill()
    assert await stage.counts() == [72, 72, 72, 3]
    await stage.forget()
    assert await stage.counts() == [0, 0, 72, 3]
    await stage.archiving.round()
    await stage.forget()
    assert await stage.counts() == [0, 0, 0, 0]
    assert len(await days(stage.cold, *MARKET)) == 3


async def test_nothing_leaves_the_warm_tier_while_the_cold_one_is_away(stage):
    await stage.fill()
    await stage.forget()
    stage.cold.away = True
    for _ in range(3):
        await stage.archiving.round()
        await stage.forget()
    assert await stage.counts() == [0, 0, 72, 3]
    pulse = await stage.archiving.pulse()
    assert not pulse.ok
    assert (pulse.detail["waiting_days"], pulse.detail["oldest_waiting"]) == (3, "2024-08-08")

    stage.cold.away = False
    await stage.archiving.round()
    await stage.forget()
    assert await stage.counts() == [0, 0, 0, 0]
    assert (await stage.archiving.pulse()).ok


async def test_an_object_that_no_manifest_lists_lets_nothing_go(stores):
    stage = Stage(stores, Unlisting(stores.objects))
    await stage.fill()
    await stage.forget()
    await stage.archiving.round()
    await stage.forget()
    assert len(await days(stage.cold, *MARKET)) == 3
    assert await stage.counts() == [0, 0, 72, 3]
    # The process dies there; the next one finds the objects and lists them.
    stage.cold.refuses = False
    stage.anew()
    await stage.forget()
    assert await stage.counts() == [0, 0, 72, 3]
    await stage.archiving.round()
    await stage.forget()
    assert await stage.counts() == [0, 0, 0, 0]


async def test_an_object_of_another_content_is_told_and_keeps_its_day_and_all_behind_it(stage):
    await stage.fill()
    await stage.forget()
    second = (await stage.stored(D1))[1]
    second.bar.volume += 1
    second.profile.cells[next(iter(second.profile.cells))][0] += 1
    second.position = 1
    with pytest.MonkeyPatch.context() as patch:
        # Somebody else's day: its rows and its bar agree with each other, but not with ours.
        patch.setattr("cloud_marketdata.storage.objects.days.profile_faults", lambda _: [])
        await save_day(stage.cold, second)
    await stage.archiving.round()
    await stage.forget()
    assert await stage.counts() == [0, 0, 48, 2]
    pulse = await stage.archiving.pulse()
    assert list(pulse.detail["trouble"]) == ["binance-spot/BTCUSDT 2024-08-09"]
    assert pulse.detail["archived_days"] == 2


@pytest.mark.parametrize(("timeframe", "left"), [(M1, [42, 42, 72, 3]), (H1, [0, 42, 72, 3])])
async def test_an_unequal_piece_stops_it_is_told_once_and_is_shown_in_health(
    stage, timeframe, left
):
    await stage.fill()
    damaged = (await stage.stored(timeframe))[30]
    damaged.bar.volume += 1
    await stage.stores.aggregates.save([damaged], fence=1)
    for _ in range(3):
        await stage.forget()
    assert await stage.counts() == left
    pulse = await stage.forgetting.pulse()
    assert (pulse.ok, pulse.detail["refused"]) == (False, 1)
    [told] = pulse.detail["stuck"].values()
    assert "differs" in told

    damaged.bar.volume -= 1
    await stage.stores.aggregates.save([damaged], fence=1)
    await stage.forget()
    assert await stage.counts() == [0, 0, 72, 3]
    assert (await stage.forgetting.pulse()).ok


async def test_a_day_that_differs_from_its_hours_is_never_archived(stage):
    await stage.fill(days=1)
    await stage.forget()
    [day] = await stage.stored(D1)
    day.bar.volume += 1
    await stage.stores.aggregates.save([day], fence=1)
    await stage.archiving.round()
    assert await days(stage.cold, *MARKET) == {}
    assert "differs" in (await stage.archiving.pulse()).detail["trouble"].popitem()[1]


async def test_who_has_been_fenced_off_forgets_nothing(stage):
    await stage.fill()
    await stage.stores.aggregates.forget(*MARKET, S1, 0, fence=2)
    with pytest.raises(FencedError):
        await stage.forgetting.forget(*MARKET, fence=1)
    assert await stage.counts() == [72, 72, 72, 3]


async def test_one_call_takes_a_bounded_number_of_pieces_and_says_that_there_are_more(stage):
    await stage.fill(finest=M1)
    turn = await stage.forgetting.forget(*MARKET, fence=1)
    assert turn.more
    assert await stage.counts() == [0, 60, 72, 3]


def _worker(stage: Stage, tally: Tally | None = None, market: tuple[Venue, str] = MARKET) -> Worker:
    counts = Tally() if tally is None else tally
    stream = Stream(*market, StreamKind.TRADES)
    return Worker(stream, stage.stores, stage.clock, SETTINGS, fence=1, tally=counts)


async def _append(stage: Stage, *trades: TradeEvent) -> None:
    of = trades[0].instrument
    stream = Stream(of.venue, of.symbol, StreamKind.TRADES)
    await stage.stores.log.append([Batch(stream, [one]) for one in trades])


async def test_what_a_lagging_worker_has_not_folded_yet_is_never_too_late(stage):
    market = (Venue.BYBIT_LINEAR, "BTCUSDT")
    tape = Tape(*market, seed=2)
    made = [one for hour in range(5 * 24) for one in tape.make(START + hour * HOUR, 3)]
    # Every third trade came twenty hours late: in time then, whenever it is folded.
    came = [
        msgspec.structs.replace(one, received_at=one.received_at + (one.id % 3 == 0) * 20 * HOUR)
        for one in made
    ]
    tally = Tally()
    worker = _worker(stage, tally, market)
    await worker.restore()
    # The warm tier was away for days: all of it is in the log, and it is folded bit by bit.
    await _append(stage, *sorted(came, key=lambda one: one.received_at))
    stage.clock.at = START + 6 * DAY
    while await worker.step():
        while await worker.forget(stage.forgetting.forget):
            pass
    await worker.save()
    assert tally["too_late"] == 0
    *closed, _ = summed(made, H1).values()
    assert await _hours(stage, market) == [list(one.lines()) for one in closed]


async def test_a_trade_that_is_too_late_is_counted_and_changes_nothing(stage):
    # Bybit's ids prove no hole, so nobody knows that the trade may still come.
    market = (Venue.BYBIT_LINEAR, "BTCUSDT")
    tape = Tape(*market, seed=3)
    made = [one for hour in range(40) for one in tape.make(START + hour * HOUR, 2)]
    late = made.pop(1)
    tally = Tally()
    worker = _worker(stage, tally, market)
    await worker.restore()
    await _append(stage, *made)
    stage.clock.at = START + 40 * HOUR
    await worker.finish()
    while await worker.forget(stage.forgetting.forget):
        pass
    assert late.exchange_time < await stage.stores.aggregates.horizon(*market, M1)
    before = await _hours(stage, market)
    await _append(stage, late)
    await worker.finish()
    assert tally["too_late"] == 1
    assert await _hours(stage, market) == before
    # Nor does a recomputation miss what was left out by right.
    assert (await rebuild(stage.stores, Scope(*market))).findings == []


async def _hours(stage: Stage, market: tuple[Venue, str]) -> list[list[str]]:
    hours = await stage.stores.aggregates.find_by_range(*market, H1, 0, 1 << 62)
    return [list(one.lines()) for one in hours]


async def test_a_closed_market_that_is_heard_again_after_a_crash_loses_nothing(stage):
    tape = Tape(*MARKET, seed=4)
    made = tape.make(START + 3 * HOUR, 5)
    worker = _worker(stage)
    await worker.restore()
    stage.clock.at = made[-1].received_at
    await _append(stage, *made[:-1])
    await worker.finish()
    stage.clock.at = START + 5 * DAY
    await worker.forget(stage.forgetting.forget)
    await worker.save()
    assert len(await stage.stored(D1)) == 1
    # It dies between the save that closed the market and the next forgetting.
    again = _worker(stage)
    await again.restore()
    await _append(stage, msgspec.structs.replace(made[-2], id=99, sequence=99))
    await again.finish()
    heard = [*made[:-1], made[-2]]
    minutes = await stage.stored(M1)
    assert sum(one.span.trades for one in minutes) == len(heard)
    assert [minute.start for minute in minutes] == sorted(summed(heard, M1))
    assert sum(one.bar.count for one in await stage.stored(D1)) == len(heard)
