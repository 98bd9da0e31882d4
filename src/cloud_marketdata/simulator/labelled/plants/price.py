"""Events of the price: a jump that comes back, a print from nowhere, a rise that sellers meet."""

from typing import Final

from cloud_marketdata.domain.signal import SignalKind as Kind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.plants.marking import mark
from cloud_marketdata.simulator.labelled.session import Process, Session

BP: Final = 10_000
MINUTE: Final = 60 * NS_PER_S
BACK_STEPS: Final = 40
STEP_NS: Final = 500 * NS_PER_MS
PRINTED: Final = 2_000  # quote units
PUSH: Final = 9_000
PUSH_NS: Final = 700 * NS_PER_MS
LEAVE_STEPS: Final = 10
LEAVE_NS: Final = 100 * NS_PER_MS
AWAY_NS: Final = 10 * NS_PER_S


def spike(session: Session, bp: int) -> Process:
    """Let the price jump with a trade, stay for a moment, and come back slowly."""
    market, up = session.market, session.random.choice((True, False))
    ticks = market.fair * bp // BP * (1 if up else -1)
    session.pinned = session.takers_out = True
    begun = mark(session, Kind.PRICE_SPIKE, f"{bp} bp", *_TURMOIL)
    market.move(ticks)
    fills = market.hit(buy=up, lots=market.lots(PRINTED), levels=1)
    yield 200 * NS_PER_MS
    begun.traded(session, fills)
    session.takers_out = False
    yield 2 * NS_PER_S
    for step in range(BACK_STEPS):
        market.fair -= ticks * (step + 1) // BACK_STEPS - ticks * step // BACK_STEPS
        market.restock()
        yield STEP_NS
    session.pinned = False


def estranged(session: Session, bp: int) -> Process:
    """Let this venue's price leave the news for some seconds, and come back."""
    market, up = session.market, session.random.choice((True, False))
    away = market.began * bp // (BP * market.stride) * (1 if up else -1)
    home = session.offset
    begun = mark(session, Kind.VENUE_DIVERGENCE, f"{bp} bp", Kind.PRICE_SPIKE, *_TURMOIL)
    for step in (*range(1, LEAVE_STEPS + 1), *range(LEAVE_STEPS - 1, -1, -1)):
        session.offset = home + away * step // LEAVE_STEPS
        yield AWAY_NS if step == LEAVE_STEPS else LEAVE_NS
    begun.happened(session)


def foreign_print(session: Session, percent: int) -> Process:
    """Print one ordinary amount so far from the market."""
    market, up = session.market, session.random.choice((True, False))
    price = market.fair * (100 + percent * (1 if up else -1)) // 100
    begun = mark(session, Kind.OUTLIER_PRINT, f"{percent} %", Kind.PRICE_SPIKE, Kind.DIVERGENCE)
    begun.traded(session, [market.print_away(price, market.lots(PRINTED), buy=up)])
    yield NS_PER_S


def divergence(session: Session, bp: int) -> Process:
    """Let the price rise through one whole minute while takers sell, or fall while they buy."""
    market, up = session.market, session.random.choice((True, False))
    yield MINUTE - session.now % MINUTE
    session.pinned = True
    begun = mark(session, Kind.DIVERGENCE, f"{bp} bp", Kind.FLOW_ABSORPTION, Kind.ABSORPTION)
    first, steps = market.fair, int(MINUTE // PUSH_NS)
    fills = market.hit(buy=not up, lots=market.lots(PUSH), levels=2)
    for step in range(1, steps):
        yield PUSH_NS
        market.fair = first + first * bp * step // (BP * steps) * (1 if up else -1)
        market.restock()
        fills += market.hit(buy=not up, lots=market.lots(PUSH), levels=2)
    yield MINUTE - session.now % MINUTE
    begun.traded(session, fills)
    session.pinned = False
    yield NS_PER_S


_TURMOIL: Final = (
    Kind.SPREAD_BLOW_OUT,
    Kind.DEPTH_COLLAPSE,
    Kind.OUTLIER_PRINT,
    Kind.DIVERGENCE,
    Kind.FLOW_ABSORPTION,
    Kind.VOLUME_SPIKE,
    Kind.FEED_RATE,
    Kind.SWEEP,
)
