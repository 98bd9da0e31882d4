"""Laws of LiveBooks, InstrumentRepository and Quarantine."""

from decimal import Decimal

import pytest
from contract_samples import BTC, ETH, VENUE, view

from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.bounds import QUARANTINE_SAMPLES
from cloud_marketdata.storage.ports import BookState, BookView

pytestmark = pytest.mark.anyio


async def test_the_view_last_published_is_found(stores):
    first = view(BTC, 1, (100, 1), asks=((101, 1),))
    second = view(BTC, 2, (100, 2), (99, 10**25), asks=())
    stale = BookView(ETH, BookState.STALE, 3, 1, 2, reason="gap after 17")
    await stores.books.publish([first, stale])
    await stores.books.publish([second])

    assert await stores.books.find(VENUE, "BTCUSDT") == second
    assert await stores.books.find(ETH.venue, ETH.symbol) == stale


async def test_a_book_nobody_published_is_none(stores):
    assert await stores.books.find(VENUE, "BTCUSDT") is None


async def test_the_newest_version_of_an_instrument_is_found(stores):
    second = BTC.refined(Decimal("0.01"), Decimal(0))
    third = second.refined(Decimal("0.001"), Decimal(0))
    await stores.instruments.save([third, BTC])
    await stores.instruments.save([second])

    assert await stores.instruments.find(VENUE, "BTCUSDT") == third
    assert await stores.instruments.find(VENUE, "ETHUSDT") is None


async def test_an_existing_version_stays(stores):
    other = ETH.refined(Decimal("0.0001"), Decimal(0))
    await stores.instruments.save([BTC])
    await stores.instruments.save(
        [type(BTC)(BTC.venue, BTC.symbol, other.scale, BTC.scale_version)]
    )

    assert await stores.instruments.find(VENUE, "BTCUSDT") == BTC


async def test_the_decimals_of_tick_and_lot_are_kept(stores):
    await stores.instruments.save([BTC])

    found = await stores.instruments.find(VENUE, "BTCUSDT")

    assert (str(found.scale.tick), str(found.scale.lot)) == ("0.10", "0.001")


async def test_all_instruments_are_sorted_by_venue_and_symbol(stores):
    assert await stores.instruments.all() == []

    names = [(Venue.BYBIT_SPOT, "AUSDT"), (VENUE, "ZUSDT"), (VENUE, "BUSDT"), (VENUE, "10USDT")]
    made = [type(BTC)(venue, symbol, BTC.scale) for venue, symbol in names]
    newer = made[1].refined(Decimal("0.01"), Decimal(0))
    await stores.instruments.save([*made, newer])

    assert await stores.instruments.all() == [made[3], made[2], newer, made[0]]


def _rejection(number: int) -> Rejection:
    return Rejection(VENUE, "bad_price", f"number {number}", b'{"p":"x\xff"}', number, "BTCUSDT")


async def test_counts_add_up_by_venue_and_reason(stores):
    assert await stores.quarantine.counts() == {}

    await stores.quarantine.record({(VENUE, "late"): 2, (VENUE, "bad_price"): 1}, [])
    await stores.quarantine.record({(VENUE, "late"): 3, (Venue.BYBIT_SPOT, "late"): 1}, [])

    assert await stores.quarantine.counts() == {
        (VENUE, "late"): 5,
        (VENUE, "bad_price"): 1,
        (Venue.BYBIT_SPOT, "late"): 1,
    }


async def test_the_newest_samples_come_first(stores):
    await stores.quarantine.record({}, [_rejection(1), _rejection(2)])
    await stores.quarantine.record({}, [_rejection(3)])

    assert await stores.quarantine.samples(2) == [_rejection(3), _rejection(2)]


async def test_the_oldest_samples_make_room(stores):
    await stores.quarantine.record({}, [_rejection(0)])
    await stores.quarantine.record({}, [_rejection(n) for n in range(1, QUARANTINE_SAMPLES + 5)])
    await stores.quarantine.record({}, [_rejection(QUARANTINE_SAMPLES + 5)])

    kept = await stores.quarantine.samples(QUARANTINE_SAMPLES * 2)

    assert len(kept) == QUARANTINE_SAMPLES
    assert (kept[0], kept[-1]) == (_rejection(QUARANTINE_SAMPLES + 5), _rejection(6))
