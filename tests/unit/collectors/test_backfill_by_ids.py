"""Binance's holes are filled by id: all that is served, nothing twice, told together."""

from random import Random

import msgspec
import pytest
from frames import AT, MS, agg, collector, instruments, js, single
from held_clock import HeldClock
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_memory import IdRest, Log, agg_row, away, ran, tape_with_gaps

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.tapes import pending, repairs
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.tape import HOLES_MAX, Tapes
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.venues.binance import BinanceCollector
from cloud_marketdata.core.errors import VenueBusyError
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Venue
from cloud_marketdata.storage.ports import StreamKind

pytestmark = pytest.mark.anyio
SPOT, USDM = Venue.BINANCE_SPOT, Venue.BINANCE_USDM
SETTLES = 1.0


class World:
    """A stream that lost some trades, and a venue that has them."""

    def __init__(self, rows, lost, venue: Venue = USDM) -> None:
        rows = list(rows)
        self.reader = collector(venue)
        self.rest, self.log, self.clock = IdRest(rows), Log(), HeldClock()
        self.tapes, self.rejections = Tapes(venue), Rejections()
        self.streamed = {row["a"]: self.event(row) for row in rows}
        kept = [event for number, event in self.streamed.items() if number not in lost]
        self.gaps = tape_with_gaps(self.tapes, kept)
        self.desks = Desks(venue, self.tapes)
        self.desk = self.desks["BTCUSDT"]
        self.backfill = Backfill(
            self.reader,
            self.rest,
            self.desks,
            self.log,
            rejections=self.rejections,
            clock=self.clock,
            random=Random(7),  # noqa: S311  delays are no secret
        )
        for gap in self.gaps:
            self.backfill.request("BTCUSDT", gap)

    def event(self, row):
        """Decode a row's trade as the stream tells it."""
        told = {key: value for key, value in row.items() if key != "M"}
        [event] = self.reader.decode(js(agg(**told)), HeldClock().now())
        return event

    @property
    def done(self) -> bool:
        """Whether nothing waits any more."""
        return len(self.backfill._pending) == 0


def _unstamped(events) -> list[TradeEvent]:
    return [msgspec.structs.replace(event, received_at=0) for event in events]


async def test_a_hole_is_filled_with_the_very_events_of_the_stream_and_told_with_them():
    world = World(map(agg_row, range(1, 11)), lost={4, 5, 6})
    await ran(world.backfill, lambda: world.done)
    lost = [world.streamed[number] for number in (4, 5, 6)]
    assert _unstamped(world.log.trades) == _unstamped(lost)
    [submission] = world.log.submissions
    assert [batch.stream.kind for batch in submission] == [StreamKind.TRADES, StreamKind.STATUS]
    detail = world.gaps[0].detail | {"filled": 3}
    assert world.log.facts == [("trades_repaired", detail)]
    assert world.tapes["BTCUSDT"].holes == []
    assert world.rest.asked == ["/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=4&limit=1000"]


@settings(max_examples=60, deadline=None)
@given(
    lost=st.sets(st.integers(2, 39), max_size=30),
    unknown=st.sets(st.integers(1, 40), max_size=6),
    page=st.integers(1, 12),
)
async def test_whatever_the_venue_has_is_filled_once_and_the_rest_stays_missing(
    lost, unknown, page
):
    world = World(map(agg_row, range(1, 41)), lost)
    for number in unknown:
        del world.rest.rows[number]
    asking = world.reader.trades_ask
    world.reader.trades_ask = lambda symbol, gap: asking(symbol, gap)._replace(
        path=asking(symbol, gap).path.replace("limit=1000", f"limit={page}")
    )
    hopeless = [gap for gap in world.gaps if unknown & set(range(gap.after_id + 1, gap.before_id))]
    await ran(
        world.backfill,
        lambda: (
            world.backfill.repaired + world.backfill.unrepaired == len(world.gaps)
            and len(world.backfill._pending) == len(hopeless)
        ),
    )
    assert sorted(event.id for event in world.log.trades) == sorted(lost - unknown)
    assert {n for hole in world.tapes["BTCUSDT"].holes for n in hole} == lost & unknown
    assert world.backfill.unrepaired == len(hopeless)


async def test_a_gap_longer_than_a_page_is_handed_on_page_by_page():
    world = World(map(agg_row, range(1, 3_003)), lost=set(range(2, 3_002)))
    await ran(world.backfill, lambda: world.done)
    sizes = [len(sent[0].events) for sent in world.log.submissions]
    assert sizes == [1_000, 1_000, 1_000]
    assert [len(sent) for sent in world.log.submissions] == [1, 1, 2]
    assert world.log.facts[0][1]["filled"] == 3_000


async def test_pages_of_one_row_are_progress_too():
    world = World(map(agg_row, range(1, 11)), lost=set(range(2, 10)))
    get = world.rest.get
    world.rest.get = lambda ask: get(ask._replace(path=ask.path.replace("=1000", "=1")))
    await ran(world.backfill, lambda: world.done)
    assert (len(world.rest.asked), world.clock.slept) == (8, [SETTLES])


async def test_one_answer_fills_the_holes_it_reaches_and_each_gap_is_still_told():
    world = World(map(agg_row, range(1, 21)), lost={3, 5, 9, 15})
    await ran(world.backfill, lambda: world.done)
    assert len(world.rest.asked) == 1
    assert [event.id for event in world.log.trades] == [3, 5, 9, 15]
    assert [detail["filled"] for _, detail in world.log.facts] == [1, 1, 1, 1]


async def test_what_a_twin_or_a_late_message_brought_within_a_second_is_not_asked_for():
    world = World(map(agg_row, range(1, 8)), lost={4})
    await ran(world.backfill, lambda: len(world.clock.slept) == 1)
    world.tapes["BTCUSDT"].admit(world.streamed[4])
    await ran(world.backfill, lambda: world.done)
    assert world.rest.asked == world.log.trades == []
    assert world.log.facts == [("trades_repaired", world.gaps[0].detail | {"filled": 1})]


async def test_rows_that_the_database_does_not_have_yet_are_asked_for_again():
    world = World(map(agg_row, range(1, 11)), lost={4, 5, 6})
    late = {number: world.rest.rows.pop(number) for number in range(6, 11)}
    await ran(world.backfill, lambda: len(world.log.submissions) == 1)
    assert world.log.facts == []
    world.rest.rows.update(late)
    await ran(world.backfill, lambda: world.done)
    assert [event.id for event in world.log.trades] == [4, 5, 6]
    assert world.log.facts[-1] == ("trades_repaired", world.gaps[0].detail | {"filled": 3})


async def test_after_five_failures_it_is_told_once_and_tried_again_at_growing_distance():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.rest.errors = [away() for _ in range(13)]
    await ran(world.backfill, lambda: world.done)
    kinds = [kind for kind, _ in world.log.facts]
    assert kinds == ["trades_unrepaired", "trades_repaired"]
    reason = {"filled": 0, "reason": "GET: connection refused"}
    assert world.log.facts[0][1] == world.gaps[0].detail | reason
    assert world.log.facts[1][1]["filled"] == 1
    first, *slept = [seconds for seconds in world.clock.slept if seconds]
    assert first == SETTLES
    assert all(seconds <= 30 for seconds in slept[:4])
    minutes = [round(seconds / 60) for seconds in slept[4:]]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30, 30]


async def test_a_busy_venue_is_left_alone_for_as_long_as_it_says():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.rest.errors = [VenueBusyError("429", 77.0)]
    await ran(world.backfill, lambda: world.done)
    assert world.clock.slept == [SETTLES, 77.0]
    assert [kind for kind, _ in world.log.facts] == ["trades_repaired"]


async def test_what_the_venue_no_longer_keeps_is_told_at_once_and_not_asked_for():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.clock.seconds += 49 * 3600
    await ran(world.backfill, lambda: world.done)
    assert world.rest.asked == []
    [(kind, detail)] = world.log.facts
    assert (kind, detail["reason"]) == ("trades_unrepaired", "the venue keeps trades for 48 hours")


async def test_a_later_try_that_finds_the_horizon_passed_tells_nothing_twice():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.rest.errors = [away() for _ in range(999)]
    await ran(world.backfill, lambda: world.done)
    assert [kind for kind, _ in world.log.facts] == ["trades_unrepaired"]
    assert world.clock.seconds > 48 * 3600 - 1800


async def test_a_gap_that_finds_no_place_is_told_and_counted(monkeypatch):
    monkeypatch.setattr(pending, "GAPS_MAX", 1)
    world = World(map(agg_row, range(1, 11)), lost={3, 7})
    [(kind, detail)] = world.log.facts
    assert (kind, detail["reason"]) == ("trades_unrepaired", "too many gaps wait to be filled")
    assert detail["after_id"] == 6
    assert world.backfill.detail()["refused"] == 1


async def test_the_oldest_gap_is_filled_first_whatever_the_order_of_requests():
    world = World(map(agg_row, range(1, 31)), lost={5})
    old = TradeGap(2, 4, 1, AT - NS_PER_S, AT)
    world.backfill.request("BTCUSDT", old)
    await ran(world.backfill, lambda: world.done)
    assert [detail["after_id"] for _, detail in world.log.facts] == [2, 4]


async def test_a_gap_the_tape_forgot_is_never_called_repaired():
    odd = range(1, 2 * HOLES_MAX + 5, 2)
    world = World(map(agg_row, odd), lost=set())
    assert world.tapes["BTCUSDT"].forgotten == 1
    world.backfill._pending._gaps[1:] = []
    await ran(world.backfill, lambda: world.done)
    assert world.log.facts[-1][0] == "trades_unrepaired"


async def test_a_leap_to_other_ids_is_not_taken_for_a_loss(monkeypatch):
    monkeypatch.setattr(repairs, "MISSING_MAX", 5)
    world = World([agg_row(1), agg_row(8)], lost=set())
    await ran(world.backfill, lambda: world.done)
    assert world.rest.asked == []
    assert world.log.facts[0][1]["reason"] == "too many to be a loss of this stream"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"p": "0"}, "price_not_positive"),
        ({"q": 5}, "schema"),
        ({"p": "1e5"}, "bad_number"),
        ({"f": 9}, "ids_reversed"),
    ],
)
async def test_a_row_that_is_refused_leaves_its_hole_open_and_says_why(bad, reason):
    world = World(map(agg_row, range(1, 11)), lost={4, 5, 6})
    world.rest.rows[5] |= bad
    await ran(world.backfill, lambda: world.backfill.unrepaired == 1)
    assert [event.id for event in world.log.trades] == [4, 6]
    detail = world.log.facts[-1][1]
    assert (detail["filled"], detail["reason"].partition(":")[0]) == (2, reason)
    assert set(world.rejections.total) == {(USDM, reason)}


@pytest.mark.parametrize("answer", [b"", b"<html>", js({"code": -1121, "msg": "Invalid symbol."})])
async def test_what_is_no_answer_is_a_rejection_and_an_unrepaired_gap(answer):
    world = World(map(agg_row, range(1, 11)), lost={4})
    world.rest.answer = answer
    await ran(world.backfill, lambda: world.backfill.unrepaired == 1)
    assert world.log.facts[0][1]["reason"].startswith("trades: ")
    assert set(world.rejections.total) == {(USDM, "trades")}


async def test_what_was_filled_comes_behind_the_live_trades_that_wait_at_the_desk():
    world = World(map(agg_row, range(1, 11)), lost={4, 8})
    # The second hole was found a moment ago: the trades before and behind it are not handed on yet.
    world.desk.trades += [world.streamed[number] for number in (5, 6, 7, 9, 10)]
    world.backfill._pending._gaps[1:] = []
    await ran(world.backfill, lambda: world.done)
    assert [event.id for event in world.log.trades] == [5, 6, 7, 9, 10, 4, 8]
    assert world.desk.trades == []


async def test_a_refined_grid_reaches_the_log_with_the_trades_that_need_it():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.rest.rows[4]["p"] = "61800.35"
    await ran(world.backfill, lambda: world.done)
    [event] = world.log.trades
    assert world.log.refined == [event.instrument]
    assert event.instrument.scale_version == 2


async def test_a_full_log_is_given_no_more_pages_and_an_ended_back_fill_loses_none():
    world = World(map(agg_row, range(1, 3_003)), lost=set(range(2, 3_002)))
    world.log.full = True
    with pytest.raises(AssertionError):
        await ran(world.backfill, lambda: world.done, turns=50)
    assert len(world.rest.asked) == 2
    assert len(world.log.trades) == 2_000
    world.log.full = False
    world.log.resume()
    await ran(world.backfill, lambda: world.done)
    assert len(world.rest.asked) == 3
    assert [event.id for event in world.log.trades] == list(range(2, 3_002))


async def test_the_gaps_of_a_symbol_that_is_no_longer_collected_are_let_go():
    world = World(map(agg_row, range(1, 8)), lost={4})
    del world.desks["BTCUSDT"]
    await ran(world.backfill, lambda: world.done)
    assert world.rest.asked == world.log.submissions == []


async def test_a_tape_that_began_anew_meanwhile_is_not_given_rows_of_the_old_one():
    world = World(map(agg_row, range(1, 8)), lost={4})
    get = world.rest.get

    async def slowly(ask: Ask) -> bytes:
        del world.desks["BTCUSDT"]
        return await get(ask)

    world.rest.get = slowly
    await ran(world.backfill, lambda: world.done)
    assert world.log.trades == []
    assert world.log.facts[0][1]["reason"] == "the symbol was removed meanwhile"


async def test_single_trades_of_usdm_are_told_to_be_out_of_reach():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.reader.trades.stream = "trade"
    await ran(world.backfill, lambda: world.done)
    assert world.rest.asked == []
    assert "API key" in world.log.facts[0][1]["reason"]


async def test_a_gap_that_waits_already_waits_once():
    world = World(map(agg_row, range(1, 8)), lost={4})
    world.backfill.request("BTCUSDT", world.gaps[0])
    await ran(world.backfill, lambda: world.done)
    assert len(world.log.facts) == 1


def _singles(venue: Venue) -> BinanceCollector:
    known = instruments(venue)
    return VENUES[venue](Rulers(venue, known), Rulers(venue, known), "trade")


def test_single_trades_of_spot_come_from_historical_trades_as_the_stream_has_them():
    reader, gap = _singles(SPOT), TradeGap(99, 101, 1, AT, AT)
    ask = reader.trades_ask("BTCUSDT", gap)
    path = "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=100&limit=1000"
    assert ask == Ask(path, 25, spare=True)
    row = {"id": 100, "price": "61800.30", "qty": "0.006", "quoteQty": "370.8", "time": MS}
    row |= {"isBuyerMaker": True, "isBestMatch": True}
    streamed = reader.decode(js(single(m=True)), AT)
    assert reader.decode_trades("BTCUSDT", js([row]), AT) == list(streamed)


def test_single_trades_of_usdm_cannot_be_asked_for_and_say_so():
    with pytest.raises(LookupError, match="API key"):
        _singles(USDM).trades_ask("BTCUSDT", TradeGap(99, 101, 1, AT, AT))


def test_aggregates_of_spot_weigh_a_fifth_of_those_of_usdm():
    gap = TradeGap(99, 101, 1, AT, AT)
    assert collector(SPOT).trades_ask("BTCUSDT", gap).weight == 4
    assert collector(USDM).trades_ask("BTCUSDT", gap).weight == 20
    assert NS_PER_MS * MS == AT
