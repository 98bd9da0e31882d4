"""Laws of the cold tier's days, over a folder, so that pyarrow alone can read what was written."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from contract_samples import BTC, VENUE, aggregate, trade

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, TradeFlag, Venue
from cloud_marketdata.storage.objects.days import find_day, save_day
from cloud_marketdata.storage.objects.store import folder_objects
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

DAY = 86_400 * NS_PER_S
KEY = "profiles/v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02/profile.parquet"


def _day(*sizes: int, instrument: Instrument = BTC) -> Aggregate:
    sides = [
        trade(DAY + at, price=600_000 + at % 9, size=size, instrument=instrument)
        for at, size in enumerate(sizes)
    ]
    odd = trade(DAY + 99, flags=TradeFlag.BLOCK, instrument=instrument)
    made = aggregate(
        DAY, timeframe=Timeframe.D1, final=True, trades=[*sides, odd], instrument=instrument
    )
    made.late, made.revision, made.position = 2, 3, 1 << 40
    return made


@pytest.fixture
def objects(tmp_path):
    return folder_objects(tmp_path)


@pytest.mark.parametrize(
    "sizes",
    [(), (1,), range(1, 60), (2**62, 2**62, 5), (10**20, 7), (10**45, 3)],
    ids=["empty", "one", "many", "quote beyond 64 bits", "decimals", "beyond 38 digits"],
)
async def test_a_day_is_found_as_it_was_saved(objects, sizes):
    saved = _day(*sizes)

    assert await save_day(objects, saved) == KEY
    found = await find_day(objects, VENUE, "BTCUSDT", date(1970, 1, 2))

    assert pack_aggregate(found) == pack_aggregate(saved)


async def test_a_day_that_was_not_saved_is_none(objects):
    assert await find_day(objects, VENUE, "BTCUSDT", date(1970, 1, 2)) is None


async def test_the_same_content_may_be_saved_again_and_another_may_not(objects):
    await save_day(objects, _day(1, 2, 3))
    again = _day(1, 2, 3)
    again.position += 1

    assert await save_day(objects, again) == KEY
    with pytest.raises(StorageError, match="another content"):
        await save_day(objects, _day(1, 2, 4))


@pytest.mark.parametrize("final", [True, False])
async def test_only_a_closed_day_is_saved(objects, final):
    frame = Timeframe.H1 if final else Timeframe.D1
    with pytest.raises(ValueError, match="only a final aggregate of one day"):
        await save_day(objects, aggregate(DAY, timeframe=frame, final=final))


async def test_pyarrow_reads_a_day_without_our_code(objects, tmp_path):
    saved = _day(*range(1, 60))
    await save_day(objects, saved)

    table = ds.dataset(tmp_path / "profiles/v1", partitioning="hive").to_table()
    file = pq.ParquetFile(tmp_path / KEY)
    column = file.metadata.row_group(0).column(0)

    assert table.column("buy").to_pylist() == [row.buy for row in saved.profile.rows()]
    assert set(table.column("venue").to_pylist()) == {"binance-usdm"}
    assert file.schema_arrow.names == list(saved.profile.rows()[0]._fields)
    assert file.schema_arrow.field("sell_quote").type == pa.int64()
    assert file.metadata.num_row_groups == 1
    assert column.compression == "ZSTD"
    assert set(column.encodings) == {"RLE", "DELTA_BINARY_PACKED"}  # RLE holds the null flags
    footer = file.schema_arrow.metadata
    assert Decimal(footer[b"tick"].decode()) == BTC.scale.tick
    assert footer[b"sha256"].decode() == state_hash([saved])


async def test_any_damaged_byte_is_a_storage_error_or_does_no_harm(objects, tmp_path):
    saved = _day(*range(1, 60))
    await save_day(objects, saved)
    path = tmp_path / KEY
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = await find_day(objects, VENUE, "BTCUSDT", date(1970, 1, 2))
        except StorageError:
            refused += 1
        else:
            assert pack_aggregate(found) == pack_aggregate(saved)

    assert refused > 0


async def test_a_symbol_beyond_ascii_has_a_key_and_a_partition(objects, tmp_path):
    coin = Instrument(Venue.BINANCE_SPOT, "币安人生USDT", BTC.scale)
    await save_day(objects, _day(5, instrument=coin))

    table = ds.dataset(tmp_path / "profiles/v1", partitioning="hive").to_table()

    assert table.column("symbol").to_pylist() == ["币安人生USDT"]
    assert await find_day(objects, coin.venue, coin.symbol, date(1970, 1, 2)) is not None
