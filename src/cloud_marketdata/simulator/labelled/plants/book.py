"""Events of the book: levels that refill, a spread that opens, depth that goes, a crossed book."""

from typing import Final

from cloud_marketdata.domain.signal import SignalKind as Kind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.plants.marking import mark
from cloud_marketdata.simulator.labelled.session import Process, Session
from cloud_marketdata.simulator.labelled.truth import Zone
from cloud_marketdata.simulator.ladder import Ladder
from cloud_marketdata.simulator.market import Fill

SHOWN_PART: Final = 15  # of what it absorbs is what the level shows at a time
ABSORBED_IN_MS: Final = 6_000
HITS: Final = 24
LEFT: Final = 10_000  # quote units
HOLD_NS: Final = 7 * NS_PER_S
ICEBERG_SHOWN: Final = 8_000
NEAR_BP: Final = 12


def absorption(session: Session, amount: int) -> Process:
    """Let takers run against the touch, which is refilled each time, and let the price hold."""
    market, buy = session.market, session.random.choice((True, False))
    side = market.against(buy=buy)
    session.pinned = True
    market.quote()
    price, shown = side.best, market.lots(amount // SHOWN_PART)
    market.put(side, price, shown)
    yield 300 * NS_PER_MS
    begun = mark(session, Kind.ABSORPTION, f"{amount // 1000} k", *_PRESSED)
    fills: list[Fill] = []
    for share in _shares(session, market.lots(amount)):
        fills += _onto(session, side, price, min(share, shown * 9 // 10), buy=buy)
        yield session.random.randrange(20, 80) * NS_PER_MS
        market.put(side, price, shown)
        yield session.random.randrange(ABSORBED_IN_MS // HITS) * NS_PER_MS
    begun.traded(session, fills)
    yield HOLD_NS
    market.put(side, price, market.lots(LEFT))
    session.pinned = False


def iceberg(session: Session, refills: int) -> Process:
    """Show little, have it taken nearly whole, and show as much again at once, many times."""
    market, buy = session.market, session.random.choice((True, False))
    side = market.against(buy=buy)
    session.pinned = session.takers_out = True
    market.quote()
    price, shown = side.best, market.lots(ICEBERG_SHOWN)
    market.put(side, price, shown)
    yield 300 * NS_PER_MS
    begun = mark(session, Kind.ICEBERG_SUSPECTED, f"{refills} refills", *_PRESSED)
    fills: list[Fill] = []
    for _ in range(refills):
        market.put(side, price, shown)
        yield session.random.randrange(100, 900) * NS_PER_MS
        taken = shown * session.random.randrange(85, 98) // 100
        fills += _onto(session, side, price, taken, buy=buy)
        yield session.random.randrange(20, 70) * NS_PER_MS
    begun.traded(session, fills)
    market.put(side, price, shown)
    session.pinned = session.takers_out = False


def spread_blow_out(session: Session, times: int) -> Process:
    """Let makers quote so many times as wide for some seconds."""
    market, usual = session.market, session.market.half
    begun = mark(session, Kind.SPREAD_BLOW_OUT, f"x{times}", Kind.DEPTH_COLLAPSE)
    market.half = usual * times
    market.quote()
    yield session.random.randrange(2_000, 5_000) * NS_PER_MS
    begun.happened(session, Zone(market.bids.best, market.asks.best))
    market.half = usual
    market.quote()


def depth_collapse(session: Session, percent: int) -> Process:
    """Let nearly all that rests near the touch go, and nothing new come, for some seconds."""
    market = session.market
    near = market.fair * NEAR_BP // 10_000
    session.idle = session.takers_out = True
    begun = mark(session, Kind.DEPTH_COLLAPSE, f"to {percent} %", Kind.SPREAD_BLOW_OUT)
    taken = {side: _thin(session, side, near, percent) for side in (market.bids, market.asks)}
    yield session.random.randrange(5_000, 9_000) * NS_PER_MS
    begun.happened(session)
    session.idle = session.takers_out = False
    for side, levels in taken.items():
        for price, lots in levels.items():
            if abs(price - market.fair) > market.half and (price > market.fair) == (
                side is market.asks
            ):
                market.put(side, price, lots)
    market.quote()


def crossed(session: Session, messages: int) -> Process:
    """Let the best bid stand above the best ask for a moment."""
    market = session.market
    session.pinned = True
    begun = mark(session, Kind.CROSSED_BOOK, f"{messages} message", Kind.SEQUENCE_GAP)
    price = market.asks.best + market.stride
    market.put(market.bids, price, market.lots(LEFT))
    yield 40 * NS_PER_MS
    market.put(market.bids, price, 0)
    begun.happened(session, Zone(price, price))
    session.pinned = False
    yield 0


_PRESSED: Final = (
    Kind.ABSORPTION,
    Kind.ICEBERG_SUSPECTED,
    Kind.FLOW_ABSORPTION,
    Kind.VOLUME_SPIKE,
    Kind.DIVERGENCE,
)


def _onto(session: Session, side: Ladder, price: int, lots: int, *, buy: bool) -> list[Fill]:
    """Hit a price that must be the best one."""
    market = session.market
    market.quote()
    if side.best != price:
        market.put(side, price, lots * 10 // 9 + 1)
    return market.hit(buy=buy, lots=lots, levels=1)


def _shares(session: Session, lots: int) -> list[int]:
    """Cut an amount into unequal orders."""
    weights = [session.random.randrange(2, 7) for _ in range(HITS)]
    return [max(1, lots * weight // sum(weights)) for weight in weights]


def _thin(session: Session, side: Ladder, near: int, percent: int) -> dict[int, int]:
    """Leave a share of each level near the fair price; return what the levels held."""
    market = session.market
    held = {p: lots for p, lots in side.lots.items() if abs(p - market.fair) <= near}
    for price, lots in held.items():
        market.put(side, price, max(1, lots * percent // 100))
    return held
