"""The top of a live book as it leaves the service, or the reason why it may not be served."""

from decimal import Decimal
from typing import Final

from cloud_marketdata.api.figures import price_text, rounded, size_text
from cloud_marketdata.api.schemas import Depth, Level
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import NotReadyError
from cloud_marketdata.domain.events import Level as BookLevel
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import EXACT, NS_PER_MS, NS_PER_S, plain
from cloud_marketdata.storage.ports import BookState, BookView

OLDEST: Final = 20 * NS_PER_S
"""A book nobody vouched for since is refused; its collector does so every five seconds."""
_QUIET: Final = 5 * NS_PER_S
_STATE: Final = "a book is a state at one update id; coverage of a range does not apply"


def servable(view: BookView | None, market: str, now: int) -> BookView:
    """Return the view if it may be believed; raises NotReadyError with the reason."""
    if view is None:
        msg = f"the book of {market} has not been seen yet"
        raise NotReadyError(msg)
    if view.state is not BookState.SYNCED:
        msg = f"the book of {market} is {view.state}: {view.reason or 'not in sync yet'}"
        raise NotReadyError(msg)
    vouched_at = max(view.received_at, view.vouched_at)
    if now - vouched_at > OLDEST:
        age = (now - vouched_at) // NS_PER_S
        msg = f"nobody has vouched for the book of {market} for {age} s; its collector may be down"
        raise NotReadyError(msg)
    return view


def depth_quality(view: BookView, now: int) -> Quality:
    """Judge a book by its age: since the last message was received, not since it was sent."""
    age = max(0, now - view.received_at)
    quiet = (f"no change for {age // NS_PER_S} s",) if age > _QUIET else ()
    return Quality(
        as_of=view.exchange_time or view.received_at,
        staleness_ms=age // NS_PER_MS,
        coverage=None,
        reconciled="unavailable",
        sources=(view.instrument.venue.value,),
        reasons=(_STATE, *quiet),
    )


def depth_data(view: BookView, levels: int) -> Depth:
    """Describe the best `levels` of both sides and what lies between them."""
    scale, units = view.instrument.scale, units_of(view.instrument.symbol)
    bids, asks = view.bids[:levels], view.asks[:levels]
    mid, spread, bps = _between(scale, bids[0][0], asks[0][0]) if bids and asks else (None,) * 3
    return Depth(
        venue=view.instrument.venue.value,
        symbol=view.instrument.symbol,
        unit=units.base,
        quote_unit=units.quote,
        update_id=view.update_id,
        ts=(view.exchange_time or view.received_at) // NS_PER_MS,
        best_bid=_level(scale, bids[0]) if bids else None,
        best_ask=_level(scale, asks[0]) if asks else None,
        mid=mid,
        spread=spread,
        spread_bps=bps,
        bid_size=size_text(scale, sum(size for _, size in bids)),
        ask_size=size_text(scale, sum(size for _, size in asks)),
        levels_total=max(len(view.bids), len(view.asks)),
        bids=[_level(scale, level) for level in bids],
        asks=[_level(scale, level) for level in asks],
    )


def _between(scale: Scale, bid: int, ask: int) -> tuple[str, str, str]:
    """Return the exact mid price, the spread, and the spread in basis points of the mid."""
    mid = EXACT.multiply(scale.price(bid + ask), Decimal("0.5"))
    bps = rounded(Decimal(20_000 * (ask - bid)), Decimal(bid + ask), 4)
    return plain(mid), price_text(scale, ask - bid), plain(bps)


def _level(scale: Scale, level: BookLevel) -> Level:
    return Level(price=price_text(scale, level[0]), size=size_text(scale, level[1]))
