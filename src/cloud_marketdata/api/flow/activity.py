"""Bars of equal activity as they leave the service.

Counting starts anew at each anchor, an hour or a UTC day, so the bars do not depend on when the
service began to listen or on which range was asked for. The price is that all raw trades since the
anchor are needed: where some are no longer kept there is no such bar, and the question is refused.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import Final

from cloud_marketdata.api.figures import VWAP_ROUNDING, price_text, quote_text, size_text, vwap_text
from cloud_marketdata.api.flow.lines import bar_delta
from cloud_marketdata.api.flow.questions import ANCHORS, ActivityBarsQuestion
from cloud_marketdata.api.flow.schemas import ActivityBarOut, ActivityBars
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import EXACT, NS_PER_MS, Timeframe
from cloud_marketdata.processing.metrics.activity_bars import Activity, ActivityBar, activity_bars

MOST_ACTIVITY_BARS: Final = 5_000


def anchor_of(question: ActivityBarsQuestion) -> Timeframe:
    """Return how far anchors are apart; raises BadRequestError."""
    if question.anchor not in ANCHORS:
        msg = f"anchor must be one of {', '.join(ANCHORS)}"
        raise BadRequestError(msg)
    return ANCHORS[question.anchor]


def kind_of(question: ActivityBarsQuestion) -> Activity:
    """Return what fills a bar; raises BadRequestError."""
    try:
        kind = Activity(question.kind)
    except ValueError:
        msg = f"kind must be one of {', '.join(Activity)}"
        raise BadRequestError(msg) from None
    if kind is Activity.TICK and question.size % 1:
        msg = "the size of tick bars is a whole number of fills"
        raise BadRequestError(msg)
    return kind


def activity_method(question: ActivityBarsQuestion, since: int) -> dict[str, str | int]:
    """Name how the bars were made."""
    return {
        "kind": question.kind,
        "size": format(question.size, "f"),
        "anchor": f"each {question.anchor} in UTC",
        "counted_since": iso(since),
        "rule": "closes on the trade that fills it; the whole trade stays in the bar",
        "vwap": VWAP_ROUNDING,
    }


def activity_data(
    instrument: Instrument,
    trades: list[TradeEvent],
    question: ActivityBarsQuestion,
    asked: TimeRange,
) -> ActivityBars:
    """Make the bars of trades since an anchor, and describe those that reach into a range.

    Raises BadRequestError, and LimitError on more bars than one answer may hold.
    """
    kind, anchor = kind_of(question), anchor_of(question)
    scale = trades[0].instrument.scale if trades else instrument.scale
    inside = (trade for trade in trades if trade.exchange_time < asked.end)
    made = activity_bars(inside, kind, _size(question.size, kind, scale), anchor.ns)
    units = units_of(instrument.symbol)
    return ActivityBars(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        unit=units.base,
        quote_unit=units.quote,
        kind=kind.value,
        size=format(question.size, "f"),
        bars=[_bar(one, scale) for one in _within(made, asked.start)],
    )


def _within(made: Iterable[ActivityBar], start: int) -> list[ActivityBar]:
    wanted = (bar for bar in made if bar.last[0] >= start)
    bars = list(islice(wanted, MOST_ACTIVITY_BARS + 1))
    if len(bars) > MOST_ACTIVITY_BARS:
        msg = f"more than {MOST_ACTIVITY_BARS} bars; ask for larger ones or a shorter range"
        raise LimitError(msg)
    return bars


def _size(size: Decimal, kind: Activity, scale: Scale) -> int:
    """Return the fewest whole fills, lots or ticks x lots that are at least `size`."""
    if kind is Activity.TICK:
        return int(size)
    step = scale.lot if kind is Activity.VOLUME else EXACT.multiply(scale.tick, scale.lot)
    whole, rest = EXACT.divmod(size, step)
    return int(whole) + bool(rest)


def _bar(made: ActivityBar, scale: Scale) -> ActivityBarOut:
    bar = made.bar
    return ActivityBarOut(
        open_time=made.first[0] // NS_PER_MS,
        close_time=made.last[0] // NS_PER_MS,
        open=price_text(scale, bar.open),
        high=price_text(scale, bar.high),
        low=price_text(scale, bar.low),
        close=price_text(scale, bar.close),
        volume=size_text(scale, bar.volume),
        quote_volume=quote_text(scale, bar.quote_volume),
        count=bar.count,
        buy=size_text(scale, bar.taker_buy_volume),
        sell=size_text(scale, bar.volume - bar.taker_buy_volume),
        delta=size_text(scale, bar_delta(bar)),
        vwap=vwap_text(scale, bar.quote_volume, bar.volume),
        first_id=made.first[2],
        last_id=made.last[2],
        anchor=made.anchor // NS_PER_MS,
        number=made.number,
        full=made.full,
    )
