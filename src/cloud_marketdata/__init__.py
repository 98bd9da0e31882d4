"""Cloud MarketData: exact, honest and fast market data from Bybit and Binance."""

__version__ = "0.1.0"
