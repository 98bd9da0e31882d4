"""Markets of eleven and of ten days whose tapes have aged, and questions about them."""

from random import Random

from aged import DAY, HOUR, MIDNIGHT, SECOND, AgedMarket, at_ms
from tape import BTC, MINUTE, ms, trade

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.domain.values import NS_PER_MS, Side

AT = {"venue": BTC.venue, "symbol": BTC.symbol}
DAYS = 11
MANY = 10


def random_of(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a seed that hypothesis can give again


def scattered(random: Random, count: int, first: int, last: int) -> list[int]:
    """Return times in whole ms, many of them near the edges of minutes, hours and days."""
    times = []
    for _ in range(count):
        time = random.randint(first, last)
        step = random.choice((0, MINUTE, HOUR, DAY))
        near = random.choice((-NS_PER_MS, 0, NS_PER_MS, SECOND))
        time = time // step * step + near if step else time
        times.append(max(first, min(last, time // NS_PER_MS * NS_PER_MS)))
    return sorted(times)


def made(random: Random, at: int, time: int) -> object:
    price, size = random.randint(617_000, 617_030), random.randint(1, 9)
    return trade(100 + at, at_ms(time), price, size, random.choice(list(Side)))


async def aged(random: Random, made_of: AgedMarket | None = None) -> AgedMarket:
    """Return a market of eleven days, aged a few times on the way, with a young tail."""
    market = await (made_of or AgedMarket()).open()
    begin, end = MIDNIGHT - DAY, MIDNIGHT + (DAYS - 1) * DAY
    times = scattered(random, 60, begin, end - 1)
    # A quiet day leaves no bucket in any tier.
    quiet = begin + random.randint(1, DAYS - 2) * DAY
    times = [time for time in times if not quiet <= time < quiet + DAY]
    trades = [made(random, at, time) for at, time in enumerate(times)]
    cuts = sorted(random.sample(range(len(trades)), 3))
    for a, b in zip([0, *cuts], [*cuts, len(trades)], strict=True):
        await market.append(trades[a:b])
        market.clock.time = max((t.exchange_time for t in trades[:b]), default=begin) + 1
        if random.random() < 0.6:
            await market.age()
    market.clock.time = end + random.choice((0, 5 * MINUTE, 3 * HOUR, 3 * DAY))
    await market.age()
    # Trades that a worker has not folded yet: young, late, and too late for any bucket.
    tail = scattered(random, 6, market.clock.time - 3 * DAY, market.clock.time)
    await market.append([made(random, 10_000 + at, time) for at, time in enumerate(tail)])
    return market


async def regular() -> AgedMarket:
    """Return ten days with a trade in every sixth hour, aged at their end."""
    market = await AgedMarket().open()
    times = range(MIDNIGHT, MIDNIGHT + 10 * DAY, 6 * HOUR)
    await market.append([trade(n, at_ms(time), 617_000 + n) for n, time in enumerate(times)])
    market.clock.time = MIDNIGHT + 10 * DAY
    await market.age()
    return market


class AgesBetween:
    """Stores that are aged by someone else between two reads of one answer."""

    def __init__(self, market: AgedMarket, port: object, left: list[int], by: int = 0) -> None:
        self._market, self._port, self._left, self._by = market, port, left, by

    def __getattr__(self, name: str) -> object:
        real = getattr(self._port, name)

        async def read(*given: object, **named: object) -> object:
            found = await real(*given, **named)
            self._left[0] -= 1
            if self._left[0] == 0:
                chosen = random_of(self._left[1]).choice((HOUR, DAY, 8 * DAY))
                self._market.clock.time += self._by or chosen
                await self._market.age()
            return found

        return read


def pair(random: Random, market: AgedMarket) -> ProfileQuestion | CandlesQuestion:
    step = random.choice((MINUTE, HOUR, DAY))
    times = scattered(random, 2, MIDNIGHT - DAY, market.clock.time)
    start, end = times[0] // step * step, (times[1] // step + 1) * step
    span = {"start": ms(start), "end": ms(end)}
    if random.random() < 0.5:
        return ProfileQuestion(**AT, **span, row_ticks=1)
    frame, fill = random.choice(("1h", "4h", "1d")), random.choice(("none", "flat"))
    return CandlesQuestion(**AT, **span, timeframe=frame, fill=fill, limit=40)


async def answer(queries: object, question: ProfileQuestion | CandlesQuestion) -> object:
    try:
        if isinstance(question, ProfileQuestion):
            return await queries.volume_profile(question)
        return await queries.candles(question)
    except ResolutionGoneError as gone:
        return str(gone)
