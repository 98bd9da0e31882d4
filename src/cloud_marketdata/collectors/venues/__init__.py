"""The venues: one line each."""

from typing import Final

from cloud_marketdata.collectors.venues.binance import BinanceCollector
from cloud_marketdata.collectors.venues.binance_spot import BinanceSpotCollector
from cloud_marketdata.collectors.venues.binance_usdm import BinanceUsdmCollector
from cloud_marketdata.collectors.venues.bybit import (
    BybitCollector,
    BybitLinearCollector,
    BybitSpotCollector,
)
from cloud_marketdata.domain.values import Venue

VENUES: Final[dict[Venue, type[BinanceCollector | BybitCollector]]] = {
    Venue.BINANCE_SPOT: BinanceSpotCollector,
    Venue.BINANCE_USDM: BinanceUsdmCollector,
    Venue.BYBIT_SPOT: BybitSpotCollector,
    Venue.BYBIT_LINEAR: BybitLinearCollector,
}
