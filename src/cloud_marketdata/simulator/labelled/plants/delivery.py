"""Events of the feed: silence, what is missing, what comes twice, a clock that is wrong."""

from typing import Final

from cloud_marketdata.domain.signal import SignalKind as Kind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.plants.marking import mark
from cloud_marketdata.simulator.labelled.session import Process, Session

WRONG_NS: Final = 180 * NS_PER_S


def halt(session: Session, seconds: int) -> Process:
    """Let nothing happen for so long; trades and book fall silent, which are two channels."""
    begun = mark(session, Kind.STALE_FEED, f"{seconds} s", Kind.FEED_RATE, Kind.STALE_FEED)
    session.halt(seconds * NS_PER_S)
    yield 0
    begun.happened(session)
    yield NS_PER_S


def sequence_gap(session: Session, messages: int) -> Process:
    """Lose messages of the book."""
    begun = mark(session, Kind.SEQUENCE_GAP, f"{messages} lost")
    session.post.lose_depth(messages)
    while session.post.losing:
        session.market.restock()
        yield 50 * NS_PER_MS
    session.market.restock()
    yield 0
    begun.happened(session)


def trade_gap(session: Session, trades: int) -> Process:
    """Let trades happen that nobody is told of."""
    market = session.market
    begun = mark(session, Kind.TRADE_GAP, f"{trades} lost")
    market.skip_trades(trades)
    market.hit(buy=True, lots=market.lots(500), levels=1)
    yield NS_PER_S
    begun.happened(session)


def duplicates(session: Session, frames: int) -> Process:
    """Send the latest trades again."""
    market = session.market
    begun = mark(session, Kind.DUPLICATES, f"{frames} repeated")
    market.hit(buy=True, lots=market.lots(500), levels=1)
    session.post.repeat_trades(frames)
    yield NS_PER_S
    begun.happened(session)


def clock_step(session: Session, ms: int) -> Process:
    """Let the venue's clock be wrong for three minutes: by its value, and as a step."""
    begun = mark(session, Kind.CLOCK_SKEW, f"{ms:+d} ms", Kind.CLOCK_SKEW)
    session.post.skew = ms * NS_PER_MS
    yield WRONG_NS
    begun.happened(session)
    session.post.skew = 0
    yield 2 * NS_PER_S
