"""Bybit's gaps are filled from its newest trades: proven by an overlap, or told to be unproven."""

from random import Random

import msgspec
import pytest
from frames import AT, MS, collector, item, js, trades
from held_clock import HeldClock
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_memory import Log, NewestRest, ran

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.overlap import OTHER_IDS, overlap
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio
SPOT, LINEAR = Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR


def _item(number: int, **changed: object) -> dict:
    """Three trades to a match, two matches to a millisecond."""
    told = {"i": f"id-{number}", "seq": 50 + number // 3, "T": MS + number // 6}
    return item(p=f"{65_000 + number}.10", **told) | {"L": None} | changed


def _row(told: dict) -> dict:
    """Return what recent-trade says of the same trade."""
    return {
        "execId": told["i"],
        "symbol": told["s"],
        "price": told["p"],
        "size": told["v"],
        "side": told["S"],
        "time": str(told["T"]),
        "isBlockTrade": told["BT"],
        "isRPITrade": told["RPI"],
        "seq": str(told["seq"]),
    }


class World:
    """A stream that was interrupted after trade `after`, until trade `before`."""

    def __init__(self, count: int, after: int, before: int, venue: Venue = LINEAR) -> None:
        self.items = [_item(number) for number in range(count)]
        self.reader = collector(venue)
        self.streamed = list(self.reader.decode(trades(*self.items), HeldClock().now()))
        self.rest = NewestRest(map(_row, reversed(self.items)))
        self.log, self.clock, self.rejections = Log(), HeldClock(), Rejections()
        self.desks = Desks(venue)
        tape = self.desks["BTCUSDT"].tape
        for event in self.streamed[: after + 1]:
            tape.admit(event)
        tape.interrupted()
        [self.gap] = [gap for e in self.streamed[before:] if (gap := tape.admit(e).gap)]
        self.backfill = Backfill(
            self.reader,
            self.rest,
            self.desks,
            self.log,
            rejections=self.rejections,
            clock=self.clock,
            random=Random(7),  # noqa: S311  delays are no secret
        )
        self.backfill.request("BTCUSDT", self.gap)

    async def settle(self) -> None:
        """Run until nothing waits."""
        await ran(self.backfill, lambda: len(self.backfill._pending) == 0)


def _unstamped(events) -> list[TradeEvent]:
    return [msgspec.structs.replace(event, received_at=0) for event in events]


async def test_rows_between_both_ends_are_the_streams_own_events_and_the_gap_is_repaired():
    world = World(30, after=9, before=20)
    await world.settle()
    assert _unstamped(world.log.trades) == _unstamped(world.streamed[10:20])
    assert world.log.facts == [("trades_repaired", world.gap.detail | {"filled": 10})]
    assert len(world.log.submissions) == 1
    ask = "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
    assert world.rest.asked == [ask]


@settings(max_examples=60, deadline=None)
@given(
    ends=st.tuples(st.integers(0, 38), st.integers(1, 39)).filter(lambda pair: pair[0] < pair[1]),
    window=st.integers(1, 40),
    other=st.booleans(),
)
async def test_what_is_called_repaired_lacks_nothing_and_no_trade_comes_twice(ends, window, other):
    world = World(40, *ends)
    del world.rest.rows[window:]
    if other:
        world.rest.rows = [row | {"execId": "R" + row["execId"]} for row in world.rest.rows]
    await world.settle()
    [(kind, detail)] = world.log.facts
    lost = world.streamed[ends[0] + 1 : ends[1]]
    filled = world.log.trades
    prices = [event.price for event in lost]
    assert [event.price for event in filled] == prices[len(prices) - len(filled) :]
    assert detail["filled"] == len(filled)
    first_row = 40 - window
    assert (kind == "trades_repaired") == (first_row <= ends[0])
    # Of a match that the rows or the gap cut, the places cannot all be known.
    if kind == "trades_repaired" and not other:
        assert _unstamped(filled) == _unstamped(lost)
    assert [event.sequence for event in filled] == sorted(event.sequence for event in filled)


async def test_rows_that_begin_too_late_are_kept_and_the_gap_is_told_unproven():
    world = World(80, after=9, before=75, venue=SPOT)
    await world.settle()
    assert len(world.log.trades) == 55
    [(kind, detail)] = world.log.facts
    assert (kind, detail["filled"]) == ("trades_unrepaired", 55)
    assert detail["reason"].startswith("not proven repaired")
    assert world.rest.asked == ["/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=60"]


async def test_of_the_match_before_an_unproven_gap_nothing_is_taken():
    # Trades 18, 19 and 20 are one match, and the rows begin with 20.
    world = World(80, after=18, before=75, venue=SPOT)
    await world.settle()
    assert world.log.trades[0].id == "id-21"


async def test_rows_that_begin_after_the_gap_are_of_no_use():
    world = World(80, after=2, before=9, venue=SPOT)
    await world.settle()
    assert world.log.trades == []
    assert world.log.facts[0][0] == "trades_unrepaired"
    assert len(world.rest.asked) == 1


async def test_rows_that_do_not_reach_the_gaps_end_yet_are_asked_for_again():
    world = World(30, after=9, before=20)
    # The newest row is of the same match as the trade after the gap.
    newest, world.rest.rows = world.rest.rows[:10], world.rest.rows[10:]
    await ran(world.backfill, lambda: len(world.rest.asked) == 2)
    assert world.log.submissions == []
    world.rest.rows = newest + world.rest.rows
    await world.settle()
    assert world.log.facts == [("trades_repaired", world.gap.detail | {"filled": 10})]


async def test_other_ids_at_rest_are_cut_by_position_and_told():
    world = World(30, after=9, before=20)
    world.rest.rows = [row | {"execId": "R" + row["execId"]} for row in world.rest.rows]
    await world.settle()
    assert [event.id for event in world.log.trades] == [f"Rid-{n}" for n in range(10, 20)]
    detail = world.gap.detail | {"filled": 10, "reason": OTHER_IDS}
    assert world.log.facts == [("trades_repaired", detail)]


async def test_a_row_that_cannot_be_read_spoils_the_proof():
    world = World(30, after=9, before=20)
    world.rest.rows[15] |= {"price": "1e5"}
    await world.settle()
    assert len(world.log.trades) == 9
    [(kind, detail)] = world.log.facts
    assert (kind, detail["reason"].partition(":")[0]) == ("trades_unrepaired", "bad_number")
    assert set(world.rejections.total) == {(LINEAR, "bad_number")}


@pytest.mark.parametrize(
    "refusal", [{"retCode": 10001, "retMsg": "params error"}, {"oops": 1}, {"retCode": 0}]
)
async def test_a_refusal_is_a_rejection_and_tried_again(refusal):
    world = World(30, after=9, before=20)
    world.rest.refusal = refusal
    await ran(world.backfill, lambda: len(world.rest.asked) == 2)
    assert set(world.rejections.total) == {(LINEAR, "trades")}
    world.rest.refusal = None
    await world.settle()
    assert world.log.facts[0][0] == "trades_repaired"


def _found(changed: dict, after: int, before: int):  # noqa: ANN202  it is an Overlap
    """Compare twelve trades that REST gives other ids with a gap among them."""
    reader, items = collector(LINEAR), [_item(number, **changed) for number in range(12)]
    streamed = list(reader.decode(trades(*items), AT))
    rows = [_row(told) | {"execId": f"R{at}"} for at, told in enumerate(items)]
    body = js({"retCode": 0, "result": {"list": rows[::-1]}})
    first, then = streamed[after], streamed[before]
    gap = TradeGap(first.id, then.id, None, AT, AT, (first, then))
    found = overlap(reader.decode_trades("BTCUSDT", body, AT), gap)
    return [row.id for row in found.trades], found.outcome


def test_without_equal_ids_trades_that_look_alike_prove_nothing_and_none_is_taken_twice():
    ids, outcome = _found({"p": "7.0"}, 1, 7)
    assert ids == ["R3", "R4", "R5"]
    assert not outcome.repaired
    assert outcome.final
    ids, outcome = _found({}, 1, 7)
    assert ids == ["R2", "R3", "R4", "R5", "R6"]
    assert outcome.repaired


def test_places_inside_a_cut_match_go_on_from_the_stored_trade():
    reader = collector(LINEAR)
    items = [_item(number, seq=50, T=MS) for number in range(6)]
    streamed = list(reader.decode(trades(*items), AT))
    gap = TradeGap("id-2", "id-5", None, AT, AT, (streamed[2], streamed[5]))
    body = js({"retCode": 0, "result": {"list": [_row(told) for told in reversed(items[2:])]}})
    found = overlap(reader.decode_trades("BTCUSDT", body, AT), gap)
    assert list(found.trades) == streamed[3:5]


def test_ends_in_the_other_order_have_nothing_between_them():
    streamed = list(collector(LINEAR).decode(trades(*map(_item, range(9))), AT))
    gap = TradeGap("id-6", "id-4", None, AT, AT, (streamed[6], streamed[4]))
    assert overlap(streamed, gap).outcome.repaired
    assert list(overlap(streamed, gap).trades) == []


def test_without_its_ends_a_gap_cannot_be_compared():
    gap = TradeGap("id-6", "id-8", None, AT, AT)
    assert overlap([], gap).outcome.final
