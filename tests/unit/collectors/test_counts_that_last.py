"""What is counted of a venue never goes down: not with a symbol, a connection or a whole start."""

from frames import agg, collector, depth, js, wrapped
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.measures import FeedFigures
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.domain.values import Venue

USDM = Venue.BINANCE_USDM
AT = 1_723_161_255_005_000_000

steps = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.integers(1, 40)),
        st.tuples(st.just("book"), st.integers(1, 40)),
        st.just(("junk", 0)),
        st.just(("drop connection", 0)),
        st.just(("drop symbol", 0)),
        st.just(("start anew", 0)),
    ),
    max_size=40,
)


class Life:
    """A venue's desks and one connection, of which everything may go at any time."""

    def __init__(self) -> None:
        breakers = {"ws": CircuitBreaker(monotonic=lambda: 0.0)}
        self.figures = FeedFigures(USDM, breakers, 4.0)
        self.desks = self.intake = None
        self.begin()

    def begin(self) -> None:
        """Start with what a start of the feed makes."""
        self.desks = Desks(USDM, counts=self.figures.counts)
        self.intake = Intake(collector(USDM), self.desks, Rejections())

    def drop_connection(self) -> None:
        """Lose the connection."""
        for lane in self.intake.lanes.values():
            lane.leave(AT)
        self.intake = Intake(collector(USDM), self.desks, Rejections())

    def do(self, what: str, number: int) -> None:
        """Have something happen."""
        if what == "trade":
            frame = wrapped("btcusdt@aggTrade", agg(a=number, f=number, l=number))
            self.intake.receive(frame, AT)
        elif what == "book":
            ids = {"U": number, "u": number + 1, "pu": number - 1}
            self.intake.receive(wrapped("btcusdt@depth@100ms", depth(**ids)), AT)
        elif what == "junk":
            self.intake.receive(js({"no": "frame"}), AT)
        else:
            self.drop_connection()
        if what == "drop symbol" and "BTCUSDT" in self.desks:
            self.desks.close("BTCUSDT")
        if what == "start anew":
            self.desks.end()
            self.begin()


@given(steps)
def test_no_count_goes_down_and_frames_and_repeats_are_exact(given_steps):
    life, frames = Life(), 0
    before = dict(life.desks.tally)
    for step in given_steps:
        life.do(*step)
        frames += step[0] in {"trade", "book", "junk"}
        now = dict(life.desks.tally)
        assert all(now[name] >= count for name, count in before.items()), (step, before, now)
        assert now.get("frames", 0) == frames
        before = now


def test_every_count_of_a_feed_is_told_from_the_beginning_with_nothing():
    seen = {(one.metric.name, *one.labels): one.value for one in Life().figures.of(None, AT)}
    assert set(seen.values()) == {0}
    for outcome in ("equal", "different", "unknown", "dropped"):
        assert (told.TICKER.name, "binance-usdm", outcome) in seen
    for stream in ("trades", "book"):
        assert (told.FEED_GAPS.name, "binance-usdm", stream) in seen


def test_repeats_before_and_after_a_symbol_was_dropped_are_all_told():
    life = Life()
    for step in (("trade", 1), ("trade", 1), ("drop symbol", 0), ("trade", 5), ("trade", 5)):
        life.do(*step)
    assert life.desks.tally["duplicates"] == 2
