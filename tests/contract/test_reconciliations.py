"""Laws of ReconciliationRepository: the newest comparison of a minute is the one that counts."""

import pytest
from msgspec.structs import replace

from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
MINUTE = Timeframe.M1.ns
SPOT, LINEAR = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
EVER = 1 << 62


def record(minute: int, revision: int = 0, verdict: Verdict = Verdict.EXACT) -> Reconciled:
    """Return a record of the minute with that number."""
    return Reconciled(
        SPOT, "BTCUSDT", minute * MINUTE, verdict, checked_at=1 << 60, revision=revision
    )


async def found(stores: Stores, start: int = 0, end: int = EVER) -> list[Reconciled]:
    return await stores.reconciliations.find(SPOT, "BTCUSDT", start, end)


async def test_a_market_that_was_never_compared_has_no_records(stores):
    assert await found(stores) == []


async def test_a_record_comes_back_as_it_went_in(stores):
    full = Reconciled(
        SPOT,
        "BTCUSDT",
        7 * MINUTE,
        Verdict.MISMATCH,
        checked_at=1 << 61,
        fields=("volume", "count"),
        ours={"volume": "0.00000001", "count": "3"},
        theirs={"volume": "12345678901234567890.1", "count": "4"},
        refetched={"volume": "0.1"},
        bar_revision=2,
        revision=5,
        note="não há",
    )
    await stores.reconciliations.save([full])

    assert await found(stores) == [full]


async def test_records_are_found_in_their_order_and_only_inside_the_range(stores):
    await stores.reconciliations.save([record(at) for at in (9, 2, 4, 3)])

    assert await found(stores) == [record(at) for at in (2, 3, 4, 9)]
    assert await found(stores, 3 * MINUTE, 4 * MINUTE) == [record(3)]
    assert await found(stores, 3 * MINUTE, 3 * MINUTE) == []
    assert await found(stores, 2 * MINUTE + 1, 4 * MINUTE + 1) == [record(3), record(4)]


async def test_a_later_comparison_replaces_an_earlier_one(stores):
    await stores.reconciliations.save([record(1, 0, Verdict.UNAVAILABLE), record(2)])
    await stores.reconciliations.save([record(1, 1)])

    assert await found(stores) == [record(1, 1), record(2)]


async def test_a_lower_revision_changes_nothing_and_an_equal_one_replaces(stores):
    await stores.reconciliations.save([record(1, 3)])
    await stores.reconciliations.save([record(1, 2, Verdict.MISMATCH), record(2)])
    assert await found(stores) == [record(1, 3), record(2)]

    again = replace(record(1, 3), note="told again")
    await stores.reconciliations.save([again])
    assert await found(stores) == [again, record(2)]


async def test_of_two_records_of_a_minute_in_one_save_the_higher_revision_stays(stores):
    await stores.reconciliations.save([record(1, 2), record(1, 1, Verdict.MISMATCH)])

    assert await found(stores) == [record(1, 2)]


async def test_minutes_are_tallied_by_their_newest_verdict(stores):
    mismatch, unavailable = Verdict.MISMATCH, Verdict.UNAVAILABLE
    await stores.reconciliations.save([record(at) for at in range(4)])
    await stores.reconciliations.save([record(4, 0, mismatch), record(5, 0, unavailable)])
    await stores.reconciliations.save([record(1, 1, mismatch), record(4, 1), record(4, 0)])

    async def tally(start: int, end: int) -> dict[Verdict, int]:
        at = (start * MINUTE, end * MINUTE)
        return dict(await stores.reconciliations.tally(SPOT, "BTCUSDT", *at))

    assert await tally(0, 9) == {Verdict.EXACT: 4, mismatch: 1, unavailable: 1}
    assert await tally(2, 5) == {Verdict.EXACT: 3}
    assert await tally(9, 99) == {}


async def test_saving_no_records_is_nothing(stores):
    await stores.reconciliations.save([])

    assert await found(stores) == []


async def test_markets_have_records_of_their_own(stores):
    other = replace(record(1), venue=LINEAR, verdict=Verdict.MISMATCH)
    another = replace(record(1), symbol="ETHUSDT", revision=9)
    await stores.reconciliations.save([record(1), other, another])

    assert await found(stores) == [record(1)]
    assert await stores.reconciliations.find(LINEAR, "BTCUSDT", 0, EVER) == [other]
    assert await stores.reconciliations.find(SPOT, "ETHUSDT", 0, EVER) == [another]


async def test_what_starts_before_is_forgotten_and_the_rest_stays(stores):
    other = replace(record(1), symbol="ETHUSDT")
    await stores.reconciliations.save([*(record(at) for at in range(5)), other])

    assert await stores.reconciliations.forget(SPOT, "BTCUSDT", 3 * MINUTE) == 3
    assert await found(stores) == [record(3), record(4)]
    assert await stores.reconciliations.forget(SPOT, "BTCUSDT", 3 * MINUTE) == 0
    assert await stores.reconciliations.forget(LINEAR, "BTCUSDT", EVER) == 0
    assert await stores.reconciliations.find(SPOT, "ETHUSDT", 0, EVER) == [other]
