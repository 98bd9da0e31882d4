"""A profile that was drawn before is the one that would be drawn now, whatever came in between."""

import asyncio
from random import Random

import pytest
from tape import BASE, BTC, MINUTE, FixedClock, Market, ms, trade

from cloud_marketdata.api.kept_profiles import KeptProfiles
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.written import written
from cloud_marketdata.core.config import Settings

SPAN_M = 150


class Tape:
    """A market that trades, now and then late, and is saved now and then."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a tape must repeat
        self.count = 0
        self.newest_ms = 0

    async def open(self) -> "Tape":
        """Open the market and one reader that remembers."""
        self.market = await Market(clock=FixedClock()).open()
        self.queries = self.fresh()
        return self

    def fresh(self) -> Queries:
        """Return a reader that remembers nothing."""
        return Queries(self.market.stores, self.market.clock, Settings())

    async def go_on(self) -> None:
        """Trade, one in five of them late, and save half of the time."""
        batch = []
        for _ in range(self.random.randrange(1, 12)):
            self.count += 1
            self.newest_ms = min(self.newest_ms + self.random.randrange(60_000), SPAN_M * 60_000)
            late = not self.random.randrange(5)
            at = self.random.randrange(self.newest_ms + 1) if late else self.newest_ms
            price = 617_000 + self.random.randrange(40)
            batch.append(trade(100 + self.count, at, price=price))
        await self.market.append(batch)
        if self.random.randrange(2):
            await self.market.save(BASE + self.newest_ms * 1_000_000 - MINUTE)

    def questions(self) -> list[ProfileQuestion]:
        """Return ranges of every age, drawn in more than one manner."""
        made = []
        for _ in range(6):
            first, last = sorted(self.random.sample(range(SPAN_M), 2))
            span = {"start": ms(BASE + first * MINUTE), "end": ms(BASE + last * MINUTE)}
            manner = {
                "row_ticks": self.random.choice((1, 10, None)),
                "va_pct": self.random.choice(("70", "70.0", "68")),
                "va_method": self.random.choice(("cbot2", "shortest")),
            }
            made.append(ProfileQuestion(venue=BTC.venue, symbol=BTC.symbol, **span, **manner))
        return made


@pytest.mark.parametrize("most_bytes", [1 << 24, 30_000])
@pytest.mark.parametrize("seed", range(3))
def test_a_drawn_profile_is_never_stale(seed, most_bytes):
    async def law() -> None:
        tape = await Tape(seed).open()
        tape.queries.profiles = KeptProfiles(most_bytes)
        asked = tape.questions()
        for _ in range(40):
            if tape.random.randrange(2):
                await tape.go_on()
            question = tape.random.choice(asked)
            kept = await tape.queries.volume_profile(question)
            assert written(kept) == written(await tape.fresh().volume_profile(question))
        detail = (await tape.queries.profiles.pulse()).detail
        assert detail["misses"] > 0
        assert detail["bytes"] <= most_bytes
        assert most_bytes > 1 << 20 or detail["evicted"] > 0
        assert most_bytes < 1 << 20 or 0 < detail["ratio"] < 1

    asyncio.run(law())


def test_a_closed_range_is_drawn_once_and_a_late_trade_draws_it_anew():
    async def law() -> None:
        tape = await Tape(1).open()
        while tape.newest_ms < SPAN_M * 60_000:
            await tape.go_on()
        await tape.market.save(BASE + SPAN_M * MINUTE)
        span = {"start": ms(BASE), "end": ms(BASE + 60 * MINUTE)}
        question = ProfileQuestion(venue=BTC.venue, symbol=BTC.symbol, row_ticks=1, **span)

        first = await tape.queries.volume_profile(question)
        again = await tape.queries.volume_profile(question)
        assert again.data is first.data
        assert (tape.queries.profiles.hits, tape.queries.profiles.misses) == (1, 1)

        await tape.market.append([trade(99_999, 61_000)])
        late = await tape.queries.volume_profile(question)
        assert late.data.count == first.data.count + 1
        await tape.market.save(BASE + SPAN_M * MINUTE)
        saved = await tape.queries.volume_profile(question)
        assert saved.data == late.data
        assert tape.queries.profiles.misses == 2

    asyncio.run(law())
