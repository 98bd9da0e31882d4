"""Laws of CoverageRepository, and of the ledger inside AggregateRepository.save."""

import pytest
from contract_samples import BTC, ETH, VENUE, aggregate, trade
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.sheet import Changes, Kept, Layer, Marks, Row
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio

S = NS_PER_S
ALL = (0, 1 << 62)


def row(first: int, last: int, *, layer: Layer = Layer.LINK, still: bool = False) -> Row:
    """Return a settled row from `first` to `last` unless it is still open."""
    return Row(layer, str(first), first, last, CoverageState.UNBROKEN, open=still)


def changes(*rows: Row, trades: int = 1, status: int = 1, gone: tuple[str, ...] = ()) -> Changes:
    return Changes(VENUE, "BTCUSDT", Marks(trades, status), rows, gone)


async def found(stores: Stores, start: int, end: int, covered: Covered | None = None) -> set[Row]:
    kept = await stores.coverage.find(VENUE, "BTCUSDT", start, end, covered)
    assert len(set(kept.rows)) == len(kept.rows)
    return set(kept.rows)


async def test_a_market_without_a_ledger_has_no_rows_and_no_marks(stores):
    assert await stores.coverage.find(VENUE, "BTCUSDT", *ALL) == Kept(Marks(), ())


async def test_rows_and_marks_come_back_as_they_went_in(stores):
    full = Row(
        Layer.TAPE,
        "9",
        7 * S,
        5 * S,
        CoverageState.MISSING,
        open=True,
        low=9,
        high=1 << 60,
        trades=3,
        reason="não há",
        found_at=1 << 61,
        settled_at=4,
    )
    marks = Marks(1 << 50, 8, 1 << 60, 1 << 61, 5, 6)
    await stores.aggregates.save([], Changes(VENUE, "BTCUSDT", marks, (full,)))

    assert await stores.coverage.find(VENUE, "BTCUSDT", *ALL) == Kept(marks, (full,))


async def test_only_rows_that_touch_the_range_are_found_and_every_open_one(stores):
    rows = [row(at * S, (at + 1) * S) for at in range(5)]
    still = row(90 * S, 91 * S, still=True)
    await stores.aggregates.save([], changes(*rows, still))

    assert await found(stores, 2 * S, 3 * S) == {rows[2], still}
    assert await found(stores, 2 * S - 1, 3 * S + 1) == {*rows[1:4], still}
    assert await found(stores, 0, 0) == {still}


async def test_a_row_of_trades_holds_the_millisecond_of_its_last_one(stores):
    one = row(2 * S, S, layer=Layer.DOUBT)
    await stores.aggregates.save([], changes(one))

    assert await found(stores, 2 * S + NS_PER_MS - 1, 3 * S) == {one}
    assert await found(stores, 2 * S + NS_PER_MS, 3 * S) == set()
    assert await found(stores, 0, S + 1) == {one}


async def test_a_stream_is_found_without_the_other(stores):
    trades, book = row(S, 2 * S), row(S, 2 * S, layer=Layer.BOOK)
    await stores.aggregates.save([], changes(trades, book))

    assert await found(stores, *ALL, Covered.TRADES) == {trades}
    assert await found(stores, *ALL, Covered.BOOK) == {book}
    assert await found(stores, *ALL) == {trades, book}


async def test_a_row_is_replaced_by_its_name_and_dropped_by_its_key(stores):
    await stores.aggregates.save([], changes(row(S, 2 * S, still=True), row(5 * S, 6 * S)))
    longer = row(S, 3 * S)
    gone = (row(5 * S, 6 * S).key, "link:never there")
    await stores.aggregates.save([], changes(longer, gone=gone))

    assert await found(stores, *ALL) == {longer}


@pytest.mark.parametrize(("trades", "status"), [(4, 9), (9, 4), (4, 4)])
async def test_changes_made_from_less_of_the_log_change_nothing(stores, trades, status):
    kept = row(S, 2 * S)
    await stores.aggregates.save([], changes(kept, trades=5, status=5))
    late = changes(row(S, 9 * S), row(0, S), trades=trades, status=status, gone=(kept.key,))
    await stores.aggregates.save([], late)

    assert await found(stores, *ALL) == {kept}
    assert (await stores.coverage.find(VENUE, "BTCUSDT", *ALL)).marks == Marks(5, 5)


async def test_a_ledger_and_the_aggregates_are_saved_together_or_not_at_all(stores):
    broken = aggregate(2 * S)
    broken.profile = aggregate(2 * S, instrument=ETH).profile
    with pytest.raises(ValueError, match="one scale"):
        await stores.aggregates.save([aggregate(S), broken], changes(row(S, 2 * S)))

    assert await found(stores, *ALL) == set()

    await stores.aggregates.save([aggregate(S)], changes(row(S, 2 * S)))
    saved = await stores.aggregates.find_by_range(VENUE, "BTCUSDT", Timeframe.S1, *ALL)
    assert (len(saved), len(await found(stores, *ALL))) == (1, 1)


async def test_markets_have_ledgers_of_their_own(stores):
    await stores.aggregates.save([], changes(row(S, 2 * S)))
    other = Changes(ETH.venue, ETH.symbol, Marks(7, 7), (row(S, 5 * S),))
    await stores.aggregates.save([aggregate(S, trades=[trade(S)], instrument=BTC)], other)

    assert await found(stores, *ALL) == {row(S, 2 * S)}
    assert (await stores.coverage.find(ETH.venue, ETH.symbol, *ALL)).rows == (row(S, 5 * S),)


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=12, unique=True
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(spans, st.integers(-2, 42), st.integers(0, 9))
async def test_any_range_finds_what_a_look_at_every_row_finds(stores, drawn, start, length):
    rows = {}
    for first, last, still in drawn:
        one = row(first, last, still=still)
        rows[one.key] = one
    known = await found(stores, -100, 100)
    gone = tuple(one.key for one in known)
    await stores.aggregates.save([], changes(*rows.values(), gone=gone))

    end = start + length
    touching = {r for r in rows.values() if r.open or (r.end > start and r.start < end)}
    assert await found(stores, start, end) == touching
