"""DuckDB, polars and pyarrow read the cold tier without our code, and get the same sums."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from cold_samples import DAY, closed, spread
from cold_stores import PREFIX, in_bucket
from contract_samples import BTC, ETH, trade
from pyarrow.fs import S3FileSystem

from cloud_marketdata.domain.aggregate import state_hash
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import Row
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.objects.days import save_bars, save_day
from cloud_marketdata.storage.objects.store import folder_objects

_ROWS = "sum(buy), sum(sell), sum(buy_quote), sum(sell_quote), sum(buy_count), sum(sell_count)"
_BY = "venue, symbol, date"


@pytest.fixture
def made():
    """Two days of two markets; the first day of one was saved again with late trades."""
    return [
        closed(spread(count, start=number * DAY, instrument=one), number * DAY, number + count)
        for number in (1, 2)
        for one, count in ((BTC, 300), (ETH, 70))
    ] + [closed(spread(301), DAY, 1 << 41)]


async def saved(objects, made):
    for one in made:
        await save_day(objects, one.day)
        await save_bars(objects, one.day, one.parts)


@pytest.fixture
def folder(made, tmp_path):
    asyncio.run(saved(folder_objects(tmp_path), made))
    return tmp_path


@pytest.fixture
def bucket(made, s3):
    asyncio.run(saved(in_bucket(s3), made))
    return s3


def profile_sums(made):
    """Return what each day sums to, by hand; the revision is not in the first tree."""
    told = {}
    for one in made[:4]:
        columns = list(zip(*one.day.profile.rows(), strict=True))[1:]
        told[partition(one)] = tuple(map(sum, columns))
    return told


def volumes(made):
    return {partition(one): one.day.bar.volume for one in made[:4]}


def partition(one):
    day = datetime.fromtimestamp(one.day.start // 10**9, UTC).date()
    return (str(one.day.instrument.venue), one.day.instrument.symbol, day)


def by_partition(rows):
    return {tuple(row[:3]): tuple(map(int, row[3:])) for row in rows}


def in_duckdb(folder, tree):
    return duckdb.read_parquet(f"{folder}/{tree}/**/*.parquet", hive_partitioning=True)


def test_duckdb_sums_a_folder_by_its_hive_partitions(folder, made):
    sums = in_duckdb(folder, "profiles/v1").aggregate(f"{_BY}, {_ROWS}")
    assert by_partition(sums.fetchall()) == profile_sums(made)

    for frame in ("1h", "1m"):
        bars = in_duckdb(folder, "bars/v1").filter(f"timeframe = '{frame}'")
        sums = bars.aggregate(f"{_BY}, sum(volume)").fetchall()
        assert by_partition(sums) == {key: (value,) for key, value in volumes(made).items()}


def test_duckdb_takes_the_late_trades_from_the_revisions(folder, made):
    """As `keys` tells: of each day the highest revision, else the first object."""
    with duckdb.connect() as connection:
        for name, tree in (("original", "profiles/v1"), ("revised", "revised-profiles/v1")):
            files = f"{folder}/{tree}/**/*.parquet"
            connection.read_parquet(files, hive_partitioning=True).create_view(name)
        rows = connection.sql("""
            WITH newest AS (
                FROM revised
                QUALIFY revision = max(revision) OVER (PARTITION BY venue, symbol, date)
            ), unrevised AS (
                FROM original ANTI JOIN newest USING (venue, symbol, date)
            )
            SELECT venue, symbol, date, sum(buy + sell)
            FROM (FROM unrevised UNION ALL BY NAME FROM newest) GROUP BY ALL
        """).fetchall()

    expected = volumes(made) | {partition(made[4]): made[4].day.bar.volume}
    assert by_partition(rows) == {key: (value,) for key, value in expected.items()}


def test_duckdb_hands_on_whole_rows(folder, made):
    where = "symbol = 'ETHUSDT' AND date = '1970-01-03' AND timeframe = '1h'"

    rows = in_duckdb(folder, "bars/v1").filter(where).order("start").fetchall()

    hours = [hour for hour in made[3].hours if hour.bar]
    assert [row[1] for row in rows] == [_naive(hour.start) for hour in hours]
    assert [row[2:6] for row in rows] == [
        (hour.bar.open, hour.bar.high, hour.bar.low, hour.bar.close) for hour in hours
    ]


def test_polars_sums_a_folder_by_its_hive_partitions(folder, made):
    check_polars(made, f"{folder}/", {})


def test_polars_sums_a_bucket_by_its_hive_partitions(bucket, made):
    options = {
        "aws_endpoint_url": bucket.endpoint,
        "aws_access_key_id": bucket.key,
        "aws_secret_access_key": bucket.secret,
        "aws_region": bucket.region,
        "aws_allow_http": "true",
    }
    check_polars(made, f"s3://{bucket.name}/{PREFIX}/", options)


def check_polars(made, root, options):
    found = {
        tree: pl.scan_parquet(
            f"{root}{tree}/**/*.parquet", hive_partitioning=True, storage_options=options
        ).group_by("venue", "symbol", "date")
        for tree in ("profiles/v1", "bars/v1")
    }
    rows = found["profiles/v1"].agg(*map(pl.sum, Row._fields[1:])).collect().rows()
    assert by_partition(rows) == profile_sums(made)
    for frame in ("1h", "1m"):
        volume = pl.col("volume").filter(pl.col("timeframe") == frame).sum()
        rows = found["bars/v1"].agg(volume).collect().rows()
        assert by_partition(rows) == {key: (value,) for key, value in volumes(made).items()}


def test_pyarrow_sums_a_folder_by_its_hive_partitions(folder, made):
    check_pyarrow(made, lambda tree: ds.dataset(folder / tree, partitioning="hive"))


def test_pyarrow_sums_a_bucket_by_its_hive_partitions(bucket, made):
    check_pyarrow(made, lambda tree: in_pyarrow(bucket, tree))


def test_duckdb_sums_a_bucket_through_pyarrow(bucket, made):
    """Its own S3 client is an extension that wants a download."""
    files = duckdb.from_arrow(in_pyarrow(bucket, "profiles/v1"))

    assert dated(files.aggregate(f"{_BY}, {_ROWS}").fetchall()) == profile_sums(made)


def check_pyarrow(made, opened):
    rows = opened("profiles/v1").to_table().group_by(["venue", "symbol", "date"])
    sums = rows.aggregate([(name, "sum") for name in Row._fields[1:]])
    assert dated(map(tuple, map(dict.values, sums.to_pylist()))) == profile_sums(made)


def dated(rows):
    """Read the days that pyarrow leaves as text."""
    return by_partition((row[0], row[1], date.fromisoformat(row[2]), *row[3:]) for row in rows)


def in_pyarrow(bucket, tree):
    host = bucket.endpoint.removeprefix("http://")
    files = S3FileSystem(
        access_key=bucket.key,
        secret_key=bucket.secret,
        region=bucket.region,
        endpoint_override=host,
        scheme="http",
    )
    return ds.dataset(f"{bucket.name}/{PREFIX}/{tree}", filesystem=files, partitioning="hive")


def test_a_profile_is_one_group_of_integer_columns_encoded_by_differences(folder, made):
    key = "profiles/v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02/profile.parquet"
    file = pq.ParquetFile(folder / key)
    column = file.metadata.row_group(0).column(0)
    footer = file.schema_arrow.metadata

    assert file.schema_arrow.names == list(Row._fields)
    assert set(file.schema_arrow.types) == {pa.int64()}
    assert file.metadata.num_row_groups == 1
    assert column.compression == "ZSTD"
    assert set(column.encodings) == {"RLE", "DELTA_BINARY_PACKED"}  # RLE holds the null flags
    assert Decimal(footer[b"tick"].decode()) == BTC.scale.tick
    assert Decimal(footer[b"lot"].decode()) == BTC.scale.lot
    assert footer[b"sha256"].decode() == state_hash([made[0].day])


def test_bars_are_two_groups_of_integer_columns_with_a_time_and_a_name(folder, made):
    key = "bars/v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02/bars.parquet"
    file = pq.ParquetFile(folder / key)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    schema = file.schema_arrow

    assert schema.names[:2] == ["timeframe", "start"]
    assert schema.types[:2] == [pa.string(), pa.timestamp("ms")]
    assert schema.names[2:11] == list(Bar.__struct_fields__[:9])
    assert set(schema.types[2:]) == {pa.int64()}
    assert [group.num_rows for group in groups] == [24, len([m for m in made[0].minutes if m.bar])]
    for number in range(1, len(schema)):
        assert set(groups[1].column(number).encodings) == {"RLE", "DELTA_BINARY_PACKED"}
    assert schema.metadata[b"day"].decode() == state_hash([made[0].day])


@pytest.mark.parametrize(
    ("size", "kind"),
    [(2**61, pa.int64()), (10**20, pa.decimal128(38, 0)), (10**45, pa.string())],
)
def test_a_number_beyond_64_bits_is_a_decimal_or_text_and_never_a_float(tmp_path, size, kind):
    one = closed([trade(DAY, price=3, size=size)])
    entry = asyncio.run(save_day(folder_objects(tmp_path), one.day))

    table = pq.read_table(tmp_path / entry.key)

    assert table.schema.field("buy").type == kind
    assert [int(value) for value in table.column("buy").to_pylist()] == [size]


def test_a_symbol_beyond_ascii_is_a_partition(tmp_path):
    coin = Instrument(Venue.BINANCE_SPOT, "币安人生USDT", BTC.scale)
    asyncio.run(save_day(folder_objects(tmp_path), closed(spread(3, instrument=coin)).day))

    table = ds.dataset(tmp_path / "profiles/v1", partitioning="hive").to_table()
    assert set(table.column("symbol").to_pylist()) == {"币安人生USDT"}
    files = f"{tmp_path}/profiles/v1/**/*.parquet"
    assert set(duckdb.read_parquet(files, hive_partitioning=True).project("symbol").fetchall()) == {
        ("币安人生USDT",)
    }
    assert set(pl.scan_parquet(files, hive_partitioning=True).collect()["symbol"]) == {
        "币安人生USDT"
    }


def _naive(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).replace(tzinfo=None)
