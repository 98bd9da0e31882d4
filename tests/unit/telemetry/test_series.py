"""Samples become series: added up, bounded, and counters never fall."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from telemetric import Moved

from cloud_marketdata.core.telemetry.bounding import LENGTH, VALUES
from cloud_marketdata.core.telemetry.busiest import OTHER, Busiest
from cloud_marketdata.core.telemetry.catalogue import (
    COVERAGE,
    HTTP_SECONDS,
    METRICS,
    REJECTIONS,
    STREAM_AGE,
    TRADES,
    WORKERS,
)
from cloud_marketdata.core.telemetry.folding import Folding
from cloud_marketdata.core.telemetry.gathering import Gathering
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Metric, Sample
from cloud_marketdata.core.telemetry.turns import Turns

pytestmark = pytest.mark.anyio


class Says:
    """A part whose figures the test says."""

    def __init__(self, *samples: Sample) -> None:
        self.samples: list[Sample] = list(samples)
        self.raises = False

    def measures(self) -> list[Sample]:
        """Tell them, or raise."""
        if self.raises:
            raise RuntimeError
        return self.samples


class World:
    """Parts, and what is told of them."""

    def __init__(self, *parts: object, symbols: int = 2) -> None:
        self.folding = Folding(symbols)
        self.gathering = Gathering(parts)

    async def told(self, metric: Metric) -> dict[tuple[str, ...], float]:
        """Return the series of one metric as they are now."""
        families = await self.folding.fold(self.gathering, Turns(Moved()))
        return next((one.series for one in families if one.metric is metric), {})


def trades(symbol: str, count: int, venue: str = "bybit-spot") -> Sample:
    return TRADES.of(count, "bybit", venue, symbol)


def market(symbol: str, venue: str = "bybit-spot") -> tuple[str, str, str]:
    return ("bybit", venue, symbol)


async def test_what_has_the_same_labels_is_added_up():
    parts = [Says(WORKERS.of(2), trades("A", 3)), Says(WORKERS.of(5), trades("A", 4))]
    world = World(*parts)
    assert await world.told(WORKERS) == {(): 7}
    assert await world.told(TRADES) == {market("A"): 7}


async def test_histograms_of_the_same_labels_are_added_up_and_left_as_they_were():
    one, other = Histogram(), Histogram()
    one.observe(0.001)
    other.observe(2.0, 3)
    world = World(Says(HTTP_SECONDS.of(one, "/x")), Says(HTTP_SECONDS.of(other, "/x")))
    [told] = (await world.told(HTTP_SECONDS)).values()
    assert told.count == 4
    assert (one.count, other.count) == (1, 3)


async def test_of_gauges_the_worst_is_told_where_a_sum_says_nothing():
    old = [STREAM_AGE.of(age, *market(s), "trades") for s, age in (("C", 2.0), ("D", 9.0))]
    proven = [COVERAGE.of(share, *market(s)) for s, share in (("C", 1.0), ("D", 0.5))]
    busy = [trades("A", 9), trades("B", 8)]
    world = World(Says(*busy, *old, *proven))
    assert await world.told(STREAM_AGE) == {(*market(OTHER), "trades"): 9.0}
    assert await world.told(COVERAGE) == {market(OTHER): 0.5}


async def test_the_busiest_have_series_and_the_others_one():
    counts = {"A": 5, "B": 50, "C": 500, "D": 7}
    world = World(Says(*(trades(symbol, count) for symbol, count in counts.items())))
    assert await world.told(TRADES) == {market("C"): 500, market("B"): 50, market(OTHER): 12}


async def test_each_venue_has_places_of_its_own():
    part = Says(*(trades(s, 1, venue) for s in "ABC" for venue in ("bybit-spot", "bybit-linear")))
    told = await World(part).told(TRADES)
    assert Counter(venue for _, venue, _ in told) == {"bybit-spot": 3, "bybit-linear": 3}


async def test_a_free_place_goes_to_who_comes_next_however_quiet():
    part = Says(trades("A", 100))
    world = World(part)
    await world.told(TRADES)
    part.samples = [trades("A", 100), trades("B", 1)]
    assert await world.told(TRADES) == {market("A"): 100, market("B"): 1}


async def test_who_becomes_busier_later_stays_among_the_others():
    part = Says(trades("A", 3), trades("B", 2), trades("C", 1))
    world = World(part)
    await world.told(TRADES)
    part.samples = [trades("A", 3), trades("B", 2), trades("C", 1000)]
    assert await world.told(TRADES) == {market("A"): 3, market("B"): 2, market(OTHER): 1000}


async def test_a_sum_does_not_fall_when_a_part_of_it_goes_or_begins_anew():
    part = Says(trades("A", 30), trades("B", 20), trades("C", 10), trades("D", 5))
    world = World(part)
    assert (await world.told(TRADES))[market(OTHER)] == 15
    part.samples = part.samples[:3]
    assert (await world.told(TRADES))[market(OTHER)] == 15
    part.samples = [*part.samples[:2], trades("C", 2)]
    assert (await world.told(TRADES))[market(OTHER)] == 17
    part.samples = []
    assert await world.told(TRADES) == {market("A"): 30, market("B"): 20, market(OTHER): 17}


scrapes = st.lists(
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 100), max_size=5), max_size=12
)


@given(scrapes)
async def test_no_counter_ever_falls(scrapes):
    part = Says()
    world = World(part)
    before: dict[tuple[str, ...], float] = {}
    for scrape in scrapes:
        part.samples = [trades(symbol, count) for symbol, count in scrape.items()]
        told = await world.told(TRADES)
        assert all(told.get(labels, -1) >= count for labels, count in before.items())
        before = told


@given(st.lists(st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 9), max_size=5)))
async def test_as_long_as_everybody_counts_on_the_whole_is_the_sum(steps):
    part = Says()
    world, counts = World(part), Counter(dict.fromkeys("ABCDE", 1))
    for step in steps:
        counts.update(step)
        part.samples = [trades(symbol, count) for symbol, count in counts.items()]
        told = await world.told(TRADES)
        assert sum(told.values()) == counts.total()
        assert len(told) == 3


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["v", "w"]), st.text(max_size=3)), st.integers(0), max_size=30
    ),
    st.integers(0, 5),
)
def test_no_venue_has_more_places_than_there_are(activity, most):
    busiest = Busiest(most)
    for _ in range(2):
        busiest.admit(activity)
        for venue in ("v", "w"):
            ours = {s: done for (v, s), done in activity.items() if v == venue}
            placed = {s for s in ours if s != OTHER and busiest.name(venue, s) == s}
            assert len(placed) <= min(most, len(ours))
            left_out = ours.keys() - placed - {OTHER}
            assert all(ours[a] >= ours[b] for a in placed for b in left_out)


async def test_garbage_from_outside_makes_no_series():
    part = Says()
    world = World(part)
    for turn in range(5):
        part.samples = [
            REJECTIONS.of(1, "bybit-spot", f"{turn}/{at}/" + "x" * 10_000) for at in range(VALUES)
        ]
        told = await world.told(REJECTIONS)
        assert len(told) <= VALUES + 1
        assert max(len(value) for labels in told for value in labels) <= LENGTH
    assert told["bybit-spot", OTHER] == 4 * VALUES


async def test_a_part_that_cannot_tell_costs_only_its_own_gauges_and_is_logged_once():
    well, sick = Says(WORKERS.of(1)), Says(WORKERS.of(4), trades("A", 9))
    world = World(well, sick)
    assert await world.told(WORKERS) == {(): 5}
    sick.raises = True
    with capture_logs() as logs:
        for failures in (1, 2, 3):
            assert await world.told(WORKERS) == {(): 1}
            assert await world.told(METRICS["cmd_measures_failed_total"]) == {
                ("Says",): 2 * failures
            }
    assert [entry["event"] for entry in logs] == ["metrics.part_failed"]
    assert await world.told(TRADES) == {market("A"): 9}
    sick.raises = False
    assert await world.told(TRADES) == {market("A"): 9}
    assert await world.told(WORKERS) == {(): 5}


def test_every_metric_of_a_symbol_names_its_venue():
    of_symbols = [metric for metric in METRICS.values() if "symbol" in metric.labels]
    assert of_symbols
    assert all(metric.market is not None for metric in of_symbols)


def test_names_say_the_kind():
    for metric in METRICS.values():
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.kind == "gauge" or metric.fold == "sum", metric.name
