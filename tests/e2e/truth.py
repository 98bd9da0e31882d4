"""What really happened in a capture, read from its raw frames and from the venue's own klines."""

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from processes import DATA

from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.replay.player import Player
from cloud_marketdata.replay.report import report
from cloud_marketdata.simulator.capture import Frame, read_capture
from cloud_marketdata.simulator.faults.payloads import retimed

ORACLES = DATA.parent / "oracles"
DAY_MS = 86_400_000
FIELDS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)


class Market(NamedTuple):
    """A capture, and the klines of BTCUSDT that lie wholly inside it: where they begin, in ms."""

    venue: str
    files: tuple[str, ...]
    timeframe: str = "1m"
    klines: str = ""
    opens: tuple[int, ...] = ()
    symbols: tuple[str, ...] = ("BTCUSDT",)

    @property
    def captures(self) -> list[Path]:
        """The files; without them the test is skipped."""
        paths = [DATA / name for name in self.files]
        if not all(path.exists() for path in [*paths, ORACLES / self.klines]):
            pytest.skip("the captures and klines are not beside the repository")
        return paths

    def shift_ms(self, now_ms: int) -> int:
        """Whole days from the capture to now, where the venue only answers for young trades."""
        return (now_ms - self.opens[-1]) // DAY_MS * DAY_MS if self.venue == "binance-usdm" else 0

    @property
    def path(self) -> str:
        """Where the service answers for it."""
        return f"/v1/markets/{self.venue}/BTCUSDT"


USDM = Market(
    "binance-usdm",
    ("usdm_btcusdt_20240808.gz",),
    "1m",
    "klines_usdm_BTCUSDT_1m.csv",
    (1723161300000, 1723161360000, 1723161420000, 1723161480000, 1723161540000),
)
SPOT = Market(
    "binance-spot",
    ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"),
    "5m",
    "klines_spot_BTCUSDT_5m.csv",
    (1723161300000, 1723161600000),
)
BYBIT = Market(
    "bybit-linear",
    ("bybit_linear_20260809.gz",),
    symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"),
)
_SIGNS = (b'"e":"trade"', b'"topic":"publicTrade.')


@cache
def trade_frames(market: Market) -> list[Frame]:
    """Return the frames that are trades."""
    frames = read_capture(market.captures)
    return [frame for frame in frames if any(sign in frame.payload for sign in _SIGNS)]


@cache
def ids(market: Market) -> list[int]:
    """Return the id of every trade of a Binance capture, ascending."""
    return sorted(msgspec.json.decode(f.payload)["data"]["t"] for f in trade_frames(market))


def klines(market: Market) -> list[list[Decimal]]:
    """Return what the venue published of the whole bars, in the order of FIELDS."""
    with (ORACLES / market.klines).open(newline="") as file:
        rows = {int(row["open_time"]): row for row in csv.DictReader(file)}
    return [[Decimal(rows[at][field]) for field in FIELDS] for at in market.opens]


def undisturbed(market: Market, shift_ms: int = 0) -> dict[str, Any]:
    """Return the report by symbol of a replay in which nothing is lost, with all times moved."""
    venue = Venue(market.venue)
    player = Player(venue, read_instruments(DATA / "instruments.json", venue))
    moved = (
        Frame(f.received_at + shift_ms * NS_PER_MS, retimed(f.payload, shift_ms))
        for f in trade_frames(market)
    )
    player.play(moved)
    return report(player)["symbols"]


@cache
def times(market: Market) -> tuple[int, int]:
    """Return the earliest and the latest match time, in ms."""
    told = [msgspec.json.decode(frame.payload)["data"] for frame in trade_frames(market)]
    found = [row["T"] for data in told for row in (data if isinstance(data, list) else [data])]
    return min(found), max(found)
