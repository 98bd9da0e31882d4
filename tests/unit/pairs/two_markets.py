"""Two venues of one seeded market: the second follows the first by a planted lag."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, LogEvent, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Venue
from cloud_marketdata.processing.pairs.following import Told
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.pairs.stage import Output, PairStage

BASE = 1_723_161_600_000 * NS_PER_MS
PAIR = Pair(Venue.BINANCE_USDM, Venue.BYBIT_LINEAR, "BTCUSDT")
FIRST = Instrument(PAIR.first, PAIR.symbol, Scale(Decimal("0.1"), Decimal("0.001")))
SECOND = Instrument(PAIR.second, PAIR.symbol, Scale(Decimal("0.5"), Decimal("0.002")))
BOTH = (FIRST, SECOND)
TRADES, BOOK, STATUS = 0, 1, 2


class Plan(Struct, frozen=True):
    """What is planted.

    lag_ms: the second follows so much later. clocks: ms by which each venue's stamps are behind
    ours, the way included. apart: bp that the second stands off, by second since the beginning.
    silent: whether a market's book says nothing then (0 or 1, second).
    """

    seconds: int
    seed: int = 1
    lag_ms: int = 0
    clocks: tuple[int, int] = (20, 35)
    jitter_ms: float = 3.0
    apart: Callable[[float], float] = lambda _: 0.0
    silent: Callable[[int, float], bool] = lambda _leg, _second: False
    steps: float = 8.0
    trades: float = 20.0


def entries(plan: Plan) -> list[Told]:
    """Return the log's entries of both markets in the order of their arrival."""
    random = Random(plan.seed)  # noqa: S311  a seed must repeat
    price, at, moves = 60_000.0, 0.0, [(0.0, 60_000.0)]
    while (at := at + random.expovariate(plan.steps)) < plan.seconds:
        price *= 1 + random.choice((-1, 1)) * random.uniform(0.2, 1.0) * 1e-4
        moves.append((at, price))
    made = [one for leg in (0, 1) for one in _market(plan, leg, moves, random)]
    return sorted(_in_order(made), key=lambda told: (told.time, told.stream))


def stage_told(told: Iterable[Told], stage: PairStage | None = None) -> Output:
    """Tell a stage all of it."""
    stage = stage or PairStage(PAIR)
    for one in told:
        stage.take(one)
    return stage.taken()


def _market(
    plan: Plan, leg: int, moves: Sequence[tuple[float, float]], random: Random
) -> Iterator[Told]:
    """Yield one market's entries: a change of its book for each move, and trades at the touch."""
    instrument, clock = BOTH[leg], plan.clocks[leg]
    tick = float(instrument.scale.tick)
    lag = plan.lag_ms / 1000 if leg else 0.0
    moved = [(at + lag, price) for at, price in moves]
    touch, number, place = None, 0, 0
    trading = random.expovariate(plan.trades)
    for (at, price), (until, _) in zip(
        moved, [*moved[1:], (float(plan.seconds), 0.0)], strict=True
    ):
        off = 1 + (plan.apart(at) * 1e-4 if leg else 0.0)
        bid = round(price * off / tick)
        new = (bid, bid + 1)
        stamp = BASE + round(at * 1000) * NS_PER_MS
        received = stamp + _way(clock, plan, random)
        if new != touch:
            number += 1
            sizes = (random.randint(1, 50), random.randint(1, 50))
            change = _change(instrument, number, touch, new, sizes, (stamp, received))
            touch = new
            if not plan.silent(leg, at):
                yield Told(3 * leg + BOOK, received, [change])
        while trading < until:
            if trading >= at:
                place += 1
                stamp = BASE + round(trading * 1000) * NS_PER_MS
                received = stamp + _way(clock, plan, random)
                made = _trade(instrument, place, touch, (stamp, received), random)
                yield Told(3 * leg + TRADES, received, [made])
            trading += random.expovariate(plan.trades)


def _in_order(made: Iterable[Told]) -> Iterator[Told]:
    """Let nothing overtake what its own stream sent before."""
    newest = [0] * 6
    for stream, time, events in made:
        newest[stream] = max(newest[stream], time)
        moved = [replace(event, received_at=newest[stream]) for event in events]
        yield Told(stream, newest[stream], moved)


def _way(clock: int, plan: Plan, random: Random) -> int:
    return clock * NS_PER_MS + int(random.expovariate(1 / plan.jitter_ms) * NS_PER_MS)


def _trade(instrument, place, touch, times, random) -> TradeEvent:
    side = random.choice((Side.BUY, Side.SELL))
    ident = place if instrument.venue.contiguous_ids else f"t{place}"
    price = touch[1] if side is Side.BUY else touch[0]
    return TradeEvent(instrument, ident, price, 1, side, *times, place)


def _change(instrument, number, old, new, sizes, times) -> LogEvent:
    bids, asks = ((new[0], sizes[0]),), ((new[1], sizes[1]),)
    if old is None:
        # Far levels, so that the whole way of the price is known.
        bids, asks = (*bids, (new[0] // 2, 1)), (*asks, (new[1] * 2, 1))
        return BookSnapshot(instrument, number, bids, asks, *times)
    gone_bid = () if old[0] == new[0] else ((old[0], 0),)
    gone_ask = () if old[1] == new[1] else ((old[1], 0),)
    return BookDelta(
        instrument, number, number, number - 1, gone_bid + bids, gone_ask + asks, *times
    )


def at(second: float) -> int:
    return BASE + int(second * NS_PER_S)
