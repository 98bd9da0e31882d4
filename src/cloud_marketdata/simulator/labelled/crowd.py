"""Everybody who trades without being told to: the news, takers, makers, and their quiet hours.

Taker orders come in bursts of one side, their sizes have a heavy tail, and each presses the price a
little, which wears off. An order takes at most a few levels, so that a sweep is never an accident.
"""

from collections.abc import Iterator
from typing import Final

from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.fair import Jump
from cloud_marketdata.simulator.labelled.session import Process, Session

ORDER_MS: Final = 250
BEAT_NS: Final = 100 * NS_PER_MS  # the book is told as often as venues tell it
RESTOCK_ONE_IN: Final = 4  # beats; at the others a single order changes
MEDIAN_ORDER: Final = 600  # in quote units, as all amounts here
TAIL: Final = 1.4
LARGEST_ORDER: Final = 50_000
MOST_LEVELS: Final = 3
SAME_SIDE: Final = 0.6
PRESSING: Final = 20_000  # an order of this size presses by one stride
WEARS_OFF: Final = 0.95
UNREST: Final = 0.35
REACTING_MS: Final = 8  # the longest that makers take to act on news; mostly less
LEAP: Final = 50  # strides; makers do not walk so far but move all their orders at once


def crowd(session: Session, news: Iterator[Jump], lag: int) -> None:
    """Let everybody in; the news reaches this venue `lag` ns after it happened."""
    pressed = Pressure()
    for process in (takers(session, pressed), makers(session, pressed), weather(session)):
        session.begin(process)
    session.begin(hear(session, news, pressed, lag))


class Pressure:
    """How many strides the orders of late have pressed the price away from the news.

    pinned: the price was held when it was last to be settled.
    """

    def __init__(self) -> None:
        self.strides = 0.0
        self.news = 0
        self.pinned = False

    @property
    def total(self) -> int:
        """Strides away from where everything began, in whole ones."""
        return self.news + round(self.strides)


def hear(session: Session, news: Iterator[Jump], pressed: Pressure, lag: int) -> Process:
    """Move the fair price when news comes, and the quotes with it.

    What came while trading was halted is heard together with what comes after.
    """
    market = session.market
    for time, level in news:
        if time + lag < market.time - NS_PER_S:
            continue
        reacting = session.random.randrange(REACTING_MS + 1) * NS_PER_MS
        yield max(0, time + lag + reacting - market.time)
        pressed.news = level
        settle(session, pressed)


def settle(session: Session, pressed: Pressure) -> None:
    """Let makers quote around what the news and the pressure make of the price.

    What they made of it while it was pinned is forgotten: it goes on from where it is let go.
    """
    market, held = session.market, pressed.pinned
    pressed.pinned = session.pinned
    if session.pinned:
        return
    if held:
        session.offset = (market.fair - market.began) // market.stride - pressed.total
    fair = market.began + (pressed.total + session.offset) * market.stride
    if abs(fair - market.fair) > LEAP * market.stride:
        market.move(fair - market.fair)
    market.fair = fair
    market.quote()


def takers(session: Session, pressed: Pressure) -> Process:
    """Send orders of either side."""
    random, market, buy = session.random, session.market, True
    while True:
        yield round(random.expovariate(session.activity / ORDER_MS)) * NS_PER_MS
        if session.takers_out:
            continue
        buy = buy if random.uniform(0, 1) < SAME_SIDE else not buy
        amount = MEDIAN_ORDER * random.lognormvariate(0, TAIL)
        while amount > LARGEST_ORDER:
            amount = MEDIAN_ORDER * random.lognormvariate(0, TAIL)
        market.hit(buy=buy, lots=market.lots(int(amount)), levels=MOST_LEVELS)
        pressed.strides += (1 if buy else -1) * amount / PRESSING


def makers(session: Session, pressed: Pressure) -> Process:
    """Take orders away and place others, again and again."""
    market = session.market
    while True:
        yield BEAT_NS
        if session.random.randrange(RESTOCK_ONE_IN):
            market.flicker()
            continue
        pressed.strides *= WEARS_OFF
        settle(session, pressed)
        if session.idle:
            market.quote()
        else:
            market.restock()


def weather(session: Session) -> Process:
    """Change how busy everybody is, minute by minute."""
    while True:
        session.activity = session.random.lognormvariate(0, UNREST)
        yield 60 * NS_PER_S
