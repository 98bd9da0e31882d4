"""What is stored equals what it is recomputed from, and a difference in any tier is found."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from worker_tape import DAY, HOUR, MINUTE, START, STREAM, S, StillClock, trade

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.comparing import Outcome
from cloud_marketdata.processing.rebuild import Report, Scope, rebuild
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.objects.days import save_day
from cloud_marketdata.storage.ports import Batch, Stores

pytestmark = pytest.mark.anyio
SCOPE = Scope(STREAM.venue, STREAM.symbol)
S1, M1, H1, D1 = Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1
END = START + 2 * DAY + HOUR + 30 * MINUTE


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _tape() -> list[TradeEvent]:
    times = range(START + 2 * MINUTE, END, 10 * MINUTE)
    return [
        msgspec.structs.replace(trade(number, time, size=number), received_at=time + S)
        for number, time in enumerate(times, 1)
    ]


async def _folded(tape: Sequence[TradeEvent]) -> Stores:
    """Return stores whose log has lost what is older than an hour, and one archived day."""
    clock = StillClock()
    clock.at = END
    stores = memory_stores(clock)
    for one in tape:
        await stores.log.append([Batch(STREAM, [one])])
    worker = Worker(STREAM, stores, clock, Settings(), fence=1, tally=Tally())
    await worker.restore()
    await worker.finish()
    await worker.finish()
    [first, _] = await _stored(stores, D1)
    await save_day(stores.objects, first)
    return stores


async def _stored(stores: Stores, timeframe: Timeframe) -> list[Aggregate]:
    return await stores.aggregates.find_by_range(STREAM.venue, STREAM.symbol, timeframe, 0, 1 << 62)


async def _plant(stores: Stores, timeframe: Timeframe, which: int) -> Aggregate:
    """Change a stored bucket behind everybody's back."""
    bucket = (await _stored(stores, timeframe))[which]
    bucket.bar.volume += 7
    await stores.aggregates.save([bucket], fence=1)
    return bucket


def _places(report: Report) -> list[tuple[str, Timeframe, int, str]]:
    return [(one.tier, one.timeframe, one.start, one.source) for one in report.findings]


async def test_what_was_folded_is_equal_and_what_has_lost_its_parts_is_not_judged():
    tape = _tape()
    stores = await _folded(tape)

    report = await rebuild(stores, SCOPE)

    assert report.findings == []
    kept = [e for record in await stores.log.read(STREAM, limit=999) for e in record.events]
    assert 3 < len(kept) < 10
    for timeframe in (S1, M1):
        assert report.counts["warm", timeframe, Outcome.EQUAL] == len(kept)
        assert report.counts["warm", timeframe, Outcome.UNCOVERED] == len(tape) - len(kept)
    assert report.counts["warm", H1, Outcome.EQUAL] == len(await _stored(stores, H1)) == 49
    assert report.counts["warm", D1, Outcome.EQUAL] == 2
    assert report.counts["cold", D1, Outcome.EQUAL] == 1


@pytest.mark.parametrize(
    ("timeframe", "which", "found"),
    [
        (S1, -2, [("warm", S1, "raw")]),
        (M1, -2, [("warm", M1, "raw")]),
        (M1, 3, [("warm", H1, "1m")]),
        (H1, 3, [("warm", H1, "1m"), ("warm", D1, "1h")]),
        (D1, 1, [("warm", D1, "1h")]),
        (D1, 0, [("warm", D1, "1h"), ("cold", D1, "1d")]),
    ],
)
async def test_a_planted_difference_is_found_where_it_is_and_in_all_that_is_made_of_it(
    timeframe, which, found
):
    stores = await _folded(_tape())
    planted = await _plant(stores, timeframe, which)

    report = await rebuild(stores, SCOPE)

    starts = [frame.floor(planted.start) for _, frame, _ in found]
    assert _places(report) == [
        (tier, frame, start, source)
        for (tier, frame, source), start in zip(found, starts, strict=True)
    ]
    volume = report.findings[0].fields["volume"]
    assert abs(Decimal(volume.by)) == Decimal("0.007")
    assert Decimal(volume.recomputed) - Decimal(volume.stored) == Decimal(volume.by)
    assert report.findings[0].differing == 1


async def test_a_changed_day_of_the_cold_tier_is_found():
    stores = await _folded(_tape())
    second = (await _stored(stores, D1))[1]
    another = combined([second], D1, second.start)
    another.profile.add(trade(1, second.start))
    another.bar.add(trade(1, second.start))
    await save_day(stores.objects, another)

    report = await rebuild(stores, SCOPE)

    assert _places(report) == [("cold", D1, second.start, "1d")]
    assert "profile 60000 sell" in report.findings[0].fields or (
        "profile 60000 buy" in report.findings[0].fields
    )


async def test_a_bucket_that_was_never_stored_is_missing_although_the_log_says_it_is_inside():
    stores = memory_stores(StillClock())
    for number in (1, 2):
        one = trade(number, START + number * MINUTE)
        await stores.log.append([Batch(STREAM, [one])])
    minute = Aggregate(one.instrument, M1, START + 2 * MINUTE)
    minute.add(one)
    minute.position = 2
    await stores.aggregates.save([minute])

    report = await rebuild(stores, SCOPE)

    lost = [(S1, START + MINUTE), (S1, START + 2 * MINUTE), (M1, START + MINUTE)]
    assert [(one.timeframe, one.start) for one in report.findings] == lost
    assert all(one.fields["trades"].stored is None for one in report.findings)


async def test_what_is_in_the_log_and_not_saved_yet_is_no_difference():
    stores = await _folded(_tape())
    await stores.log.append([Batch(STREAM, [trade(9_999, END)])])
    assert (await rebuild(stores, SCOPE)).findings == []


async def test_only_buckets_of_the_asked_time_are_looked_at():
    stores = await _folded(_tape())
    planted = await _plant(stores, H1, 3)
    inside = SCOPE._replace(start=planted.start, end=planted.end)
    assert _places(await rebuild(stores, inside)) == [("warm", H1, planted.start, "1m")]
    beside = SCOPE._replace(start=planted.end, end=planted.start + DAY)
    assert (await rebuild(stores, beside)).findings == []


class _Restless:
    """Aggregates of which one is caught in the middle of a change, once."""

    def __init__(self, inner) -> None:  # any repository
        self._inner = inner
        self.passing = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def find_by_range(self, *asked: object) -> list[Aggregate]:
        """Return one hour that is ahead of its minutes, the first time."""
        found = await self._inner.find_by_range(*asked)
        if asked[2] is H1 and self.passing:
            self.passing = False
            found[0].bar.volume += 1
        return found


async def test_what_differs_only_while_it_changes_is_no_finding():
    made = await _folded(_tape())
    restless = _Restless(made.aggregates)
    report = await rebuild(msgspec.structs.replace(made, aggregates=restless), SCOPE)
    assert not restless.passing
    assert report.findings == []
