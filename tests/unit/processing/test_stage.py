"""What folds are told of a market, and when."""

from itertools import pairwise
from typing import ClassVar

from flow_tape import Witness
from hypothesis import given
from hypothesis import strategies as st
from msgspec import field
from worker_tape import BTC, MINUTE, START, S

from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    LogEvent,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, TradeFlag, Venue
from cloud_marketdata.processing.flow.clusters import clustered, rescaled
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Quote, Scene, Second, Told
from cloud_marketdata.processing.flow.offline import analyse, records
from cloud_marketdata.processing.metrics.delta_path import DeltaPath

MS = S // 1000
MID = 600_000
WAY = 5 * MS


class Listener(Fold):
    """Writes down what it is told, as lines."""

    name: ClassVar[str] = "listener"
    lines: list[str] = field(default_factory=list)
    seconds: list[Second] = field(default_factory=list)
    before: list[Quote | None] = field(default_factory=list)

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Keep it with the touch that it met."""
        self.lines.append(f"trade {(scene.time - START) // MS}")
        assert cluster.time == scene.time
        self.before.append(scene.before)
        return ()

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Write its kind and the touch."""
        assert scene.book is not None
        touch = (scene.quote.bid - MID, scene.quote.ask - MID) if scene.quote else None
        self.lines.append(f"{type(change).__name__} {(scene.time - START) // MS} {touch}")
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Keep it."""
        assert scene.time >= second.start + S
        self.seconds.append(second)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Write it."""
        assert scene.time >= start + MINUTE
        self.lines.append(f"minute {(start - START) // MINUTE} of {len(self.seconds)}")
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Write its kind, and whether there is a book."""
        self.lines.append(f"{fact.kind} {scene.book is not None}")
        return ()

    def reading(self, scene: Scene) -> Reading:
        """Tell the grid."""
        return {"tick": str(scene.instrument.scale.tick)}


def heard(*events: LogEvent, instrument: Instrument = BTC) -> Listener:
    """Return a listener to the tape of these events."""
    listener = Listener()
    analyse(instrument, records(sorted(events, key=_came)), [listener])
    return listener


def _came(event: LogEvent) -> int:
    return event.received_at


def at(number: int, time: int, *, price: int = MID, side: Side = Side.BUY, flags: int = 0):
    return TradeEvent(
        BTC, number, price, 2, side, START + time, START + time + WAY, number, 1, flags
    )


def whole(number: int, time: int, bid: int = -1, ask: int = 1) -> BookSnapshot:
    levels = ((MID + bid, 5),), ((MID + ask, 5),)
    return BookSnapshot(BTC, number, *levels, START + time, START + time + WAY)


def change(number: int, time: int, *, bids=(), asks=(), instrument=BTC) -> BookDelta:
    came = START + time + WAY
    return BookDelta(instrument, number, number, None, bids, asks, START + time, came)


def fact(kind: StatusKind, time: int, **detail: int) -> StatusEvent:
    """Return a fact of a moment of the venue's."""
    return StatusEvent(BTC.venue, BTC.symbol, kind, START + time + WAY, detail)


def test_trades_of_a_moment_are_told_before_the_book_and_meet_the_touch_from_before_it():
    listener = heard(
        whole(1, 0),
        change(2, S, bids=((MID, 3),)),
        at(1, S),
        at(2, S + MS),
    )
    assert [line for line in listener.lines if "minute" not in line] == [
        "BookSnapshot 0 (-1, 1)",
        "trade 1000",
        "BookDelta 1000 (0, 1)",
        "trade 1001",
    ]
    assert [touch and touch.bid - MID for touch in listener.before] == [-1, 0]


def test_every_second_is_told_also_without_a_trade_and_then_its_minute():
    listener = heard(at(1, 0), at(2, 3 * S), at(3, MINUTE))
    assert [second.start for second in listener.seconds[:4]] == [START + n * S for n in range(4)]
    assert [second.trades for second in listener.seconds[:4]] == [1, 0, 0, 1]
    assert listener.seconds[1].close is None
    assert "minute 0 of 60" in listener.lines


def test_after_an_hour_of_rest_empty_minutes_are_left_out_and_counted():
    listener = heard(at(1, 0), at(2, 7_300 * S))
    assert len(listener.seconds) == 3_660 + (7_300 - 7_260) + 20
    woken = next(second for second in listener.seconds if second.skipped)
    assert woken.start == START + 7_260 * S
    assert woken.skipped == 7_260 - 3_660
    assert sum(1 + second.skipped for second in listener.seconds) == 7_320


def test_a_trade_that_ends_a_rest_at_once_stays_in_its_second():
    listener = heard(at(1, 0), at(2, 3_660 * S + MS), at(3, 3_725 * S))
    traded = [(second.start - START) // S for second in listener.seconds if second.trades]
    assert traded == [0, 3_660, 3_725]
    assert all(second.skipped == 0 for second in listener.seconds)


def test_a_lost_book_is_not_believed_until_the_next_whole_one():
    listener = heard(
        whole(1, 0),
        at(1, 0),
        fact(StatusKind.BOOK_LOST, 2 * S),
        change(2, 3 * S, bids=((MID, 3),)),
        whole(9, 4 * S),
        at(2, 5 * S),
    )
    assert [line for line in listener.lines if "minute" not in line] == [
        "trade 0",
        "BookSnapshot 0 (-1, 1)",
        "book_lost False",
        "BookSnapshot 4000 (-1, 1)",
        "trade 5000",
    ]


def test_a_loss_told_behind_the_new_book_is_undone_by_the_fact_that_names_it():
    listener = heard(
        whole(1, 0),
        whole(9, 2 * S),
        fact(StatusKind.BOOK_LOST, 2 * S + MS),
        fact(StatusKind.BOOK_SYNCED, 2 * S + MS, update_id=9),
        change(10, 3 * S, bids=((MID, 3),)),
        at(1, 5 * S),
    )
    assert [line for line in listener.lines if "minute" not in line] == [
        "BookSnapshot 0 (-1, 1)",
        "BookSnapshot 2000 (-1, 1)",
        "book_lost False",
        "BookSnapshot 2001 (-1, 1)",
        "book_synced True",
        "BookDelta 3000 (0, 1)",
        "trade 5000",
    ]


def test_a_hole_between_book_changes_drops_the_book():
    listener = heard(whole(1, 0), change(3, S), change(4, 2 * S), whole(9, 3 * S))
    assert [line.split()[0] for line in listener.lines[:2]] == ["BookSnapshot", "BookSnapshot"]


def test_a_crossed_book_has_no_touch():
    listener = heard(whole(1, 0), change(2, S, bids=((MID + 1, 1),)))
    assert listener.lines[1] == "BookDelta 1000 None"


def test_a_minute_says_for_how_long_it_had_a_book_that_may_be_believed():
    events = [whole(1, 10 * S), at(1, 0), fact(StatusKind.BOOK_GAP, 15 * S), at(2, MINUTE + S)]
    told = analyse(BTC, records(sorted(events, key=_came)), [DeltaPath()])
    assert [minute.book_ms for minute in told.minutes] == [5_000, 0]
    lasting = analyse(BTC, records(sorted([events[0], events[1], events[3]], key=_came)), [])
    assert [minute.book_ms for minute in lasting.minutes] == [50_000, 60_000]


def test_trades_away_from_the_book_are_no_orders_and_are_counted():
    events = [at(1, 0), at(2, 0, flags=int(TradeFlag.BLOCK)), at(3, MINUTE)]
    told = analyse(BTC, records(events), [DeltaPath()])
    first, second = (minute.readings for minute in told.minutes)
    assert (first["delta_path"]["trades"], first["off_book"]) == (1, {"trades": 1})
    assert "off_book" not in second


def test_a_finer_grid_is_met_by_all_that_is_held():
    finer = Instrument(
        BTC.venue, BTC.symbol, Scale(BTC.scale.tick / 10, BTC.scale.lot / 100), scale_version=2
    )
    bid = ((MID * 10 - 5, 250),)
    coarse, fine = DeltaPath(), Listener()
    events = [whole(1, 0), at(1, 0), change(2, S, bids=bid, instrument=finer), at(2, 2 * S)]
    told = analyse(BTC, records(events), [coarse, fine])
    (minute,) = told.minutes
    assert minute.instrument.scale == finer.scale
    assert minute.readings["delta_path"]["delta"] == 400
    assert fine.before == [None]
    assert minute.readings["listener"] == {"tick": str(finer.scale.tick)}


prices = st.integers(MID - 3, MID + 3)
orders = st.tuples(st.integers(0, 5), st.sampled_from(Side), prices)


@given(st.lists(orders, max_size=30))
def test_orders_are_the_runs_of_equal_time_and_side(drawn):
    trades = [
        at(number, time, price=price, side=side)
        for number, (time, side, price) in enumerate(sorted(drawn, key=lambda one: one[0]))
    ]
    taken, outside = clustered(trades)
    clusters = [one.cluster for one in taken]
    keys = [(one.time, one.side) for one in clusters]
    assert not outside
    assert all(one != other for one, other in pairwise(keys))
    assert sum(one.trades for one in clusters) == len(trades)
    assert sum(one.lots for one in clusters) == sum(one.size for one in trades)
    assert sum(one.quote for one in clusters) == sum(one.size * one.price for one in trades)
    for one in clusters:
        inside = [t for t in trades if int(one.first_id) <= int(t.id) <= int(one.last_id)]
        assert {(t.exchange_time, t.side) for t in inside} == {(one.time, one.side)}
        assert dict(one.prices) == {
            price: sum(t.size for t in inside if t.price == price) for price, _ in one.prices
        }


def test_on_bybit_an_order_is_what_has_one_sequence():
    linear = Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", BTC.scale)
    trades = [
        TradeEvent(linear, name, MID, 1, Side.BUY, START, START, (seq << 16) + place, 1, flags)
        for name, seq, place, flags in (("a", 7, 0, 0), ("b", 7, 1, 2), ("c", 8, 0, 0))
    ]
    taken, _ = clustered(trades)
    assert [(one.cluster.trades, one.cluster.rpi) for one in taken] == [(2, 1), (1, 0)]


def test_an_order_on_a_finer_grid_is_the_same_order():
    (one,), _ = clustered([at(1, 0, price=7), at(2, 0, price=8)])
    fine = rescaled(one.cluster, 10, 100)
    assert fine.prices == ((70, 200), (80, 200))
    assert (fine.lots, fine.quote) == (400, 70 * 200 + 80 * 200)


def test_what_is_told_depends_on_nothing_but_the_tape():
    events = [whole(1, 0), *(at(n, n * 300 * MS) for n in range(1, 400))]
    told = [analyse(BTC, records(events), [Witness()]) for _ in range(2)]
    assert told[0] == told[1]
