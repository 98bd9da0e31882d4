"""Any range equals brute force over the raw trades, whatever was saved when."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape import BASE, BTC, MINUTE, Market, brute, ms, read_tape, trade

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.api.tail import read_tail
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import combined, state_hash
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, TradeFlag

LENGTH_MS = 5 * 60_000
EDGES = st.integers(-2 * 60_000, LENGTH_MS + 2 * 60_000)


@st.composite
def tapes(draw: st.DrawFn) -> list[list[TradeEvent]]:
    """Trades in batches; ids follow the log, times mostly do, and some trades come late."""
    times = sorted(draw(st.lists(st.integers(0, LENGTH_MS), min_size=1, max_size=40)))
    late = draw(st.sets(st.integers(0, len(times) - 1), max_size=3))
    order = [t for at, t in enumerate(times) if at not in late] + [times[at] for at in late]
    trades = [
        trade(
            100 + at,
            time,
            price=draw(st.integers(617_000, 617_030)),
            size=draw(st.integers(1, 9)),
            side=draw(st.sampled_from(Side)),
            flags=draw(st.sampled_from((0, 0, 0, TradeFlag.RPI, TradeFlag.INSURANCE_FUND))),
        )
        for at, time in enumerate(order)
    ]
    cuts = sorted(draw(st.sets(st.integers(1, len(trades)), max_size=6)))
    return [trades[a:b] for a, b in zip([0, *cuts], [*cuts, len(trades)], strict=True)]


async def recorded(batches: list[list[TradeEvent]], saves: set[int], final: int | None) -> Market:
    market = await Market().open()
    for at, batch in enumerate(batches):
        await market.append(batch)
        if at in saves:
            await market.save(None if final is None else BASE + final * MINUTE)
    return market


def same(total: object, want: object) -> None:
    assert (total is None) == (want is None)
    if total is not None and want is not None:
        assert list(total.lines()) == list(want.lines())


@given(tapes(), st.sets(st.integers(0, 6)), st.sampled_from((None, 1, 2, 4)), EDGES, EDGES)
def test_any_range_equals_brute_force(
    batches: list[list[TradeEvent]], saves: set[int], final: int | None, one: int, two: int
) -> None:
    async def law() -> None:
        market = await recorded(batches, saves, final)
        start, end = (BASE + at * NS_PER_MS for at in sorted((one, two + (one == two))))
        reading = await read_tape(market.stores, TimeRange(start, end))
        assert reading.range == (start, end)
        trades = [event for batch in batches for event in batch]
        same(combined(reading.parts, Timeframe.D1, 0), brute(trades, start, end))

    asyncio.run(law())


@given(tapes(), st.sets(st.integers(0, 6)), st.sampled_from(Timeframe), EDGES, EDGES)
def test_any_candle_equals_brute_force(
    batches: list[list[TradeEvent]], saves: set[int], timeframe: Timeframe, one: int, two: int
) -> None:
    async def law() -> None:
        market = await recorded(batches, saves, 2)
        start, end = (BASE + at * NS_PER_MS for at in sorted((one, two + (one == two))))
        trades = [event for batch in batches for event in batch]
        question = CandlesQuestion(
            venue=BTC.venue,
            symbol=BTC.symbol,
            start=ms(start),
            end=ms(end),
            timeframe=timeframe,
            limit=1000,
        )
        given = (await market.queries.candles(question)).data
        first, last = timeframe.floor(start), -timeframe.floor(-end)
        wanted = {}
        for at in {timeframe.floor(t.exchange_time) for t in trades}:
            whole = brute(trades, at, at + timeframe.ns)
            if first <= at < last and whole and whole.bar:
                wanted[at // NS_PER_MS] = whole
        assert [candle.open_time for candle in given] == sorted(wanted)
        for candle in given:
            whole = wanted[candle.open_time]
            bar, scale = whole.bar, whole.scale
            assert Decimal(candle.open) == scale.price(bar.open)
            assert Decimal(candle.high) == scale.price(bar.high)
            assert Decimal(candle.low) == scale.price(bar.low)
            assert Decimal(candle.close) == scale.price(bar.close)
            assert Decimal(candle.volume) == scale.size(bar.volume)
            assert Decimal(candle.quote_volume) == scale.quote(bar.quote_volume)
            assert Decimal(candle.taker_buy_volume) == scale.size(bar.taker_buy_volume)
            assert candle.count == bar.count
            assert (candle.first_id, candle.last_id) == (whole.span.first[2], whole.span.last[2])

    asyncio.run(law())


class SavesBetween:
    """Aggregates that are saved by someone else between two reads of one answer."""

    def __init__(self, market: Market, at: int) -> None:
        self._market, self._left = market, at
        self._real = market.stores.aggregates

    def __getattr__(self, name: str) -> object:
        real = getattr(self._real, name)
        # Horizons are looked at again after the tail, when nothing new belongs into the answer.
        if name in {"save", "horizon"}:
            return real

        async def read(*args: object) -> object:
            found = await real(*args)
            self._left -= 1
            if self._left == 0:
                await self._market.append([trade(9_000, 70_500), trade(9_001, 299_999)])
                await self._market.save(BASE + 2 * MINUTE)
            return found

        return read


@given(tapes(), st.sets(st.integers(0, 6)), st.integers(1, 14), EDGES, EDGES)
def test_save_between_two_reads_neither_doubles_nor_loses(
    batches: list[list[TradeEvent]], saves: set[int], at: int, one: int, two: int
) -> None:
    async def law() -> None:
        market = await recorded(batches, saves, 1)
        racing = market.stores.__class__(
            **{f: getattr(market.stores, f) for f in market.stores.__struct_fields__}
            | {"aggregates": SavesBetween(market, at)}
        )
        start, end = (BASE + edge * NS_PER_MS for edge in sorted((one, two + (one == two))))
        reading = await read_tape(racing, TimeRange(start, end))
        logged = [
            event
            for record in await market.stores.log.read(market.stream, limit=10_000)
            for event in record.events
        ]
        same(combined(reading.parts, Timeframe.D1, 0), brute(logged, *reading.range))

    asyncio.run(law())


def test_edge_without_its_raw_trades_is_widened_and_says_so() -> None:
    async def law() -> None:
        market = await Market().open()
        trades = [trade(at, at * 1000, price=617_000 + at) for at in range(1, 200)]
        for batch in (trades[:100], trades[100:]):
            await market.append(batch)
        await market.save(BASE + 2 * MINUTE)
        first = (await market.stores.log.read(market.stream))[0].position
        assert await market.stores.log.trim(market.stream, upto=first, before=2**62)
        asked = {"start": ms(BASE + 30_000 * NS_PER_MS), "end": ms(BASE + 150_000 * NS_PER_MS)}
        question = ProfileQuestion(venue=BTC.venue, symbol=BTC.symbol, row_ticks=1, **asked)
        answer = await market.queries.volume_profile(question)
        # The first minute's raw trades are gone, the last minute's are still there.
        assert answer.meta.range.start == BASE // NS_PER_MS
        assert str(answer.meta.range.end) == asked["end"]
        assert answer.meta.resolution == ["1m", "trades"]
        want = brute(trades, BASE, BASE + 150_000 * NS_PER_MS)
        assert Decimal(answer.data.volume) == want.scale.size(want.bar.volume)
        # All but the second before the first known trade is proven.
        assert answer.meta.quality.coverage == 0.993333

    asyncio.run(law())


def test_closed_hours_and_days_are_answered_from_their_own_sums() -> None:
    async def law() -> None:
        market = await Market().open()
        trades = [trade(at, at * 60_000) for at in range(-100, 8)]
        await market.append(trades)
        await market.save(BASE + 5 * MINUTE)
        midnight = BASE + 2 * MINUTE
        for hours, end, resolution in (
            (24, midnight, ["1d"]),
            (2, midnight, ["1h"]),
            (1, midnight + MINUTE, ["1h", "1m"]),
            (24, midnight + MINUTE + 1_000 * NS_PER_MS, ["1d", "1m", "trades"]),
        ):
            start = midnight - hours * Timeframe.H1.ns
            question = ProfileQuestion(
                venue=BTC.venue, symbol=BTC.symbol, start=ms(start), end=ms(end)
            )
            answer = await market.queries.volume_profile(question)
            assert answer.meta.resolution == resolution
            assert answer.data.count == sum(start <= t.exchange_time < end for t in trades)

    asyncio.run(law())


def test_trade_in_a_closed_minute_unsettles_it_until_its_revision_is_saved() -> None:
    async def law() -> None:
        market = await Market().open()
        await market.append([trade(1, 1_000), trade(3, 100_000)])
        await market.save(BASE + MINUTE)
        question = CandlesQuestion(
            venue=BTC.venue, symbol=BTC.symbol, start=ms(BASE), end=ms(BASE + MINUTE)
        )
        seen = []
        for step in ("saved", "late trade logged", "revision saved"):
            if step == "late trade logged":
                await market.append([trade(2, 2_000, size=5)])
            if step == "revision saved":
                await market.save(BASE + MINUTE)
            answer = await market.queries.candles(question)
            (candle,) = answer.data
            seen.append((candle.final, candle.revision, candle.late, candle.volume))
        assert seen == [
            (True, 0, 0, "0.001"),
            (False, 0, 1, "0.006"),
            (True, 1, 1, "0.006"),
        ]

    asyncio.run(law())


def test_tail_that_is_too_long_is_cut_at_a_whole_entry_and_says_so() -> None:
    async def law() -> None:
        market = await Market().open()
        for at in range(10):
            await market.append([trade(2 * at, at), trade(2 * at + 1, at)])
        tail = await read_tail(market.stores.log, market.stream, 0, most_trades=5)
        assert len(tail.trades) == 6
        assert not tail.caught_up
        assert (await read_tail(market.stores.log, market.stream, 0)).caught_up

    asyncio.run(law())


@pytest.mark.parametrize("saves", [set(), {0}, {0, 1}])
def test_state_hash_does_not_depend_on_what_was_saved_when(saves: set[int]) -> None:
    async def law() -> None:
        batches = [[trade(1, 500), trade(2, 61_000)], [trade(3, 62_000), trade(4, 121_000)]]
        market = await recorded(batches, saves, 1)
        question = CandlesQuestion(
            venue=BTC.venue,
            symbol=BTC.symbol,
            start=ms(BASE),
            end=ms(BASE + 3 * MINUTE),
            state_hash=True,
        )
        answer = await market.queries.candles(question)
        every = [event for batch in batches for event in batch]
        minutes = []
        for at in range(3):
            whole = brute(every, BASE + at * MINUTE, BASE + (at + 1) * MINUTE)
            minutes.append(combined([whole], Timeframe.M1, BASE + at * MINUTE))
        assert answer.meta.state_hash == state_hash(minutes)

    asyncio.run(law())


def test_hour_that_is_not_closed_is_not_used() -> None:
    async def law() -> None:
        market = await Market().open()
        trades = [trade(1, -3_000_000), trade(2, -2_000_000), trade(3, -1_000_000)]
        await market.append(trades)
        await market.save()
        partial = brute(trades[:1], 0, 2**62)
        partial.position = market.folded
        hour = combined([partial], Timeframe.H1, Timeframe.H1.floor(trades[0].exchange_time))
        hour.final = False
        await market.stores.aggregates.save([hour])
        midnight = BASE + 2 * MINUTE
        hour = TimeRange(midnight - Timeframe.H1.ns, midnight)
        reading = await read_tape(market.stores, hour)
        same(combined(reading.parts, Timeframe.D1, 0), brute(trades, 0, 2**62))

    asyncio.run(law())


@pytest.mark.parametrize(
    ("newest_ms", "final"), [(299_000, False), (301_999, False), (302_000, True)]
)
def test_merged_candle_is_final_once_the_watermark_has_passed_it(
    newest_ms: int,
    final: bool,  # noqa: FBT001 - a parameter of the table above
) -> None:
    """From 24:00 on, five minutes with a trade in the first one only; lateness is 2 s."""

    async def law() -> None:
        market = await Market().open()
        midnight = 120_000
        await market.append([trade(1, midnight), trade(2, midnight + newest_ms)])
        await market.save(BASE + 3 * MINUTE)
        question = CandlesQuestion(
            venue=BTC.venue,
            symbol=BTC.symbol,
            timeframe="5m",
            start=ms(BASE + 2 * MINUTE),
            end=ms(BASE + 3 * MINUTE),
        )
        if newest_ms < 300_000:
            # The second trade lies in the same bar, whose minute is not closed.
            assert (await market.queries.candles(question)).data[0].count == 2
        assert (await market.queries.candles(question)).data[0].final is final

    asyncio.run(law())
