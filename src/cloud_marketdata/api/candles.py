"""Bars of one timeframe, made from finer tiles by exact merges, as they leave the service.

A bar without trades is not stored. `fill=flat` adds it on reading, with the close before it as all
four prices and no volume, but only up to the newest known trade: beyond that nothing is known.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.figures import price_text, quote_text, size_text, vwap_text
from cloud_marketdata.api.schemas import Candle
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe

CANDLE_FRAMES: Final = {
    Timeframe.S1: (Timeframe.S1,),
    Timeframe.S5: (Timeframe.S1,),
    Timeframe.S15: (Timeframe.S1,),
    Timeframe.M1: (Timeframe.M1,),
    Timeframe.M5: (Timeframe.M1,),
    Timeframe.M15: (Timeframe.M1,),
    Timeframe.H1: (Timeframe.H1, Timeframe.M1),
    Timeframe.H4: (Timeframe.H1, Timeframe.M1),
    Timeframe.D1: (Timeframe.D1, Timeframe.H1, Timeframe.M1),
}
"""What a bar is made of, coarsest first."""


def bars_made(tiles: Sequence[Aggregate], timeframe: Timeframe) -> list[Aggregate]:
    """Return the bars of a time that nothing can change any more, without rows, ascending."""
    grouped = groupby(tiles, key=lambda tile: timeframe.floor(tile.start))
    made = (combined(map(_without_rows, tiles), timeframe, start) for start, tiles in grouped)
    return [bar for bar in made if bar]


def bars_of(reading: Reading, timeframe: Timeframe, lateness: int) -> list[Aggregate]:
    """Return one aggregate for each bucket with trades, ascending."""
    watermark = reading.newest - lateness
    grouped = groupby(reading.parts, key=lambda part: timeframe.floor(part.start))
    return [_merged(list(parts), timeframe, start, watermark) for start, parts in grouped]


def candles(bars: Sequence[Aggregate]) -> list[Candle]:
    """Describe the bars in which something traded in the book."""
    return [_candle(part, part.bar) for part in bars if part.bar]


class Filling(Struct, frozen=True):
    """Which empty buckets are filled: those of `span` after the first known close.

    close: last price before the span as text, or None where it is not known.
    """

    instrument: Instrument
    timeframe: Timeframe
    span: TimeRange
    close: str | None
    watermark: int


def flat_filled(given: Sequence[Candle], filling: Filling) -> list[Candle]:
    """Return the candles with flat ones in the empty buckets between and around them."""
    by_time = {candle.open_time: candle for candle in given}
    close = filling.close
    filled = []
    for start in range(*filling.span, filling.timeframe.ns):
        candle = by_time.get(start // NS_PER_MS)
        if candle is None and close is not None:
            candle = _flat(filling, start, close)
        if candle is not None:
            close = candle.close
            filled.append(candle)
    return filled


def _merged(parts: list[Aggregate], timeframe: Timeframe, start: int, watermark: int) -> Aggregate:
    """Merge what lies in one bucket, without the rows that no bar needs.

    A merged bar is final when all parts are and the watermark has passed its end: a minute that has
    not come yet leaves no part that could say so.
    """
    if len(parts) == 1 and parts[0].timeframe is timeframe:
        return parts[0]
    whole = combined([_without_rows(part) for part in parts], timeframe, start) or parts[0]
    whole.final = whole.final and whole.end <= watermark
    return whole


def _without_rows(part: Aggregate) -> Aggregate:
    bare = Aggregate(part.instrument, part.timeframe, part.start)
    bare.bar, bare.span, bare.position = part.bar, part.span, part.position
    bare.final, bare.revision, bare.late = part.final, part.revision, part.late
    return bare


def _candle(part: Aggregate, bar: Bar) -> Candle:
    scale, span = part.scale, part.span
    exact = part.instrument.venue.contiguous_ids
    return Candle(
        open_time=part.start // NS_PER_MS,
        open=price_text(scale, bar.open),
        high=price_text(scale, bar.high),
        low=price_text(scale, bar.low),
        close=price_text(scale, bar.close),
        volume=size_text(scale, bar.volume),
        quote_volume=quote_text(scale, bar.quote_volume),
        count=bar.count,
        taker_buy_volume=size_text(scale, bar.taker_buy_volume),
        taker_buy_quote_volume=quote_text(scale, bar.taker_buy_quote_volume),
        vwap=vwap_text(scale, bar.quote_volume, bar.volume),
        first_id=span.first[2] if span else None,
        last_id=span.last[2] if span else None,
        final=part.final,
        revision=part.revision,
        late=part.late,
        missing=span.missing if span and exact else None,
        empty=False,
    )


def _flat(filling: Filling, start: int, close: str) -> Candle:
    scale = filling.instrument.scale
    nothing, no_quote = size_text(scale, 0), quote_text(scale, 0)
    return Candle(
        open_time=start // NS_PER_MS,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=nothing,
        quote_volume=no_quote,
        count=0,
        taker_buy_volume=nothing,
        taker_buy_quote_volume=no_quote,
        vwap=None,
        first_id=None,
        last_id=None,
        final=start + filling.timeframe.ns <= filling.watermark,
        revision=0,
        late=0,
        missing=None,
        empty=True,
    )
