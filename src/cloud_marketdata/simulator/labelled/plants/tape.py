"""Events of the tape: one order through many prices, a large one, and seconds full of orders."""

from typing import Final

from cloud_marketdata.domain.signal import SignalKind as Kind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.crowd import LARGEST_ORDER
from cloud_marketdata.simulator.labelled.plants.marking import mark
from cloud_marketdata.simulator.labelled.session import Process, Session
from cloud_marketdata.simulator.market import Fill

BUSY_NS: Final = 3 * NS_PER_S
USUAL_A_SECOND: Final = 6_000  # quote units, about what the crowd trades


def sweep(session: Session, prices: int) -> Process:
    """Send one taker order through as many prices."""
    market, buy = session.market, session.random.choice((True, False))
    begun = mark(session, Kind.SWEEP, f"{prices} prices", Kind.LARGE_TRADE, *_LOUD)
    begun.traded(session, market.hit(buy=buy, lots=1 << 60, levels=prices))
    yield NS_PER_S


def large_trade(session: Session, amount: int) -> Process:
    """Let somebody offer a large amount at the touch, and somebody take it with one order."""
    market, buy = session.market, session.random.choice((True, False))
    session.pinned = session.takers_out = True
    market.quote()
    side, lots = market.against(buy=buy), market.lots(amount)
    market.put(side, side.best, lots + market.lots(LARGEST_ORDER // 10))
    yield 150 * NS_PER_MS
    market.quote()
    begun = mark(session, Kind.LARGE_TRADE, f"{amount // 1000} k", *_LOUD, Kind.ABSORPTION)
    begun.traded(session, market.hit(buy=buy, lots=lots, levels=1))
    session.pinned = session.takers_out = False
    yield NS_PER_S


def volume_spike(session: Session, times: int) -> Process:
    """Trade so many times as much as usual for three seconds, on both sides, at a held price."""
    market, fills = session.market, list[Fill]()
    session.pinned = True
    yield _to_second(session)
    begun = mark(session, Kind.VOLUME_SPIKE, f"x{times}", *_BUSY)
    orders = max(6, times)
    for number in range(orders):
        market.restock()
        amount = USUAL_A_SECOND * 3 * times // orders
        fills += market.hit(buy=number % 2 == 0, lots=market.lots(amount), levels=3)
        yield BUSY_NS // orders
    begun.traded(session, fills)
    session.pinned = False


_LOUD: Final = (Kind.VOLUME_SPIKE, Kind.DIVERGENCE, Kind.FLOW_ABSORPTION)
_BUSY: Final = (Kind.ABSORPTION, Kind.ICEBERG_SUSPECTED, Kind.FEED_RATE, *_LOUD)


def _to_second(session: Session) -> int:
    """Return the ns until the next whole second."""
    return NS_PER_S - session.now % NS_PER_S
