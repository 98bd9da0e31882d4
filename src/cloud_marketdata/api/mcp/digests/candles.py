"""Candles in short: how far the price came, and the bars that made it go there.

Told first are the first and the last bar, those with the highest and the lowest price, those with a
gap, then those with the most volume.
"""

from decimal import Decimal

from cloud_marketdata.api.envelope import CandlesMeta, Wire
from cloud_marketdata.api.mcp.arguments import Detail
from cloud_marketdata.api.mcp.budget import brief, fitted, left_out
from cloud_marketdata.api.schemas import Candle, CandlesAnswer

CandleRow = tuple[int, str, str, str, str, str, str, int, list[str]]


class CandlesDigest(Wire):
    """Candles in short; rows ascend.

    Each row is [open time, open, high, low, close, volume, taker buy volume, trades, marks]. Marks:
    `open` where the bar is not final, `late` where late trades changed it, `missing` where trades
    are proven lost inside, `empty` where nothing traded.
    """

    venue: str
    symbol: str
    timeframe: str
    summary: str
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    volume: str
    rows: list[CandleRow]
    rows_total: int
    rows_returned: int
    left_out: list[str]


class CandlesDigestAnswer(Wire):
    """Answer of get_candles."""

    data: CandlesDigest
    meta: CandlesMeta


def candles_digest(
    answer: CandlesAnswer, market: tuple[str, str], detail: Detail, max_rows: int | None
) -> CandlesDigestAnswer:
    """Shorten one page of candles to its telling bars, to none, or to all of them."""
    meta = CandlesMeta(**dict(brief(answer.meta, detail)))
    telling = _by_weight(answer.data)
    facts = _facts(answer.data)
    frame = str(answer.meta.method["timeframe"])

    def make(most: int) -> CandlesDigestAnswer:
        bars = sorted(telling[:most], key=lambda bar: bar.open_time)
        digest = CandlesDigest(
            venue=market[0],
            symbol=market[1],
            timeframe=frame,
            summary=_words(answer.data, frame, facts),
            **facts,
            volume=_volume(answer.data),
            rows=[_row(bar) for bar in bars],
            rows_total=len(telling),
            rows_returned=len(bars),
            left_out=left_out(len(bars), len(telling), "bars", answer.meta, meta),
        )
        return CandlesDigestAnswer(data=digest, meta=meta)

    return fitted(make, len(telling), detail, max_rows)


def _by_weight(bars: list[Candle]) -> list[Candle]:
    if not bars:
        return []
    named = {
        bars[0].open_time,
        bars[-1].open_time,
        max(bars, key=lambda bar: Decimal(bar.high)).open_time,
        min(bars, key=lambda bar: Decimal(bar.low)).open_time,
    }
    return sorted(
        bars, key=lambda bar: (bar.open_time not in named, not bar.missing, -Decimal(bar.volume))
    )


def _facts(bars: list[Candle]) -> dict[str, str | None]:
    traded = [bar for bar in bars if not bar.empty]
    return {
        "open": bars[0].open if bars else None,
        "high": max((bar.high for bar in bars), key=Decimal, default=None),
        "low": min((bar.low for bar in bars), key=Decimal, default=None),
        "close": traded[-1].close if traded else None,
    }


def _volume(bars: list[Candle]) -> str:
    return format(sum((Decimal(bar.volume) for bar in bars), Decimal(0)), "f")


def _row(bar: Candle) -> CandleRow:
    marks = {
        "open": not bar.final,
        "late": bool(bar.late),
        "missing": bool(bar.missing),
        "empty": bar.empty,
    }
    prices = (bar.open, bar.high, bar.low, bar.close)
    told = [name for name, true in marks.items() if true]
    return bar.open_time, *prices, bar.volume, bar.taker_buy_volume, bar.count, told


def _words(bars: list[Candle], frame: str, facts: dict[str, str | None]) -> str:
    if not bars or facts["close"] is None:
        return "Nothing traded in this range, as far as is known."
    move = Decimal(facts["close"]) - Decimal(bars[0].open)
    count = sum(bar.count for bar in bars)
    return (
        f"{len(bars)} bars of {frame}: from {bars[0].open} to {facts['close']} ({move:+f}), "
        f"between {facts['low']} and {facts['high']}, {_volume(bars)} in {count} trades."
    )
