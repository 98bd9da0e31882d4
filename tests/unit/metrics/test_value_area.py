import csv
import gzip
import json
import math
from collections import Counter, deque
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.processing.metrics import METRICS
from cloud_marketdata.processing.metrics.rows import default_row_ticks
from cloud_marketdata.processing.metrics.value_area import value_area

SHARED = Path(__file__).parents[4] / "shared"
METHODS = ("cbot2", "one_row", "sparse", "shortest", "step_1", "step_2", "step_5", "step_40")
ladders = st.dictionaries(st.integers(0, 400), st.integers(1, 50), min_size=1, max_size=40)
shares = st.decimals("0.01", 100, places=2)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared file {name} is not beside this checkout")
    return path


def grown_row_by_row(totals: dict[int, int], step: int, pct: Decimal) -> tuple[int, int]:
    """Definitions 1.3 and 1.4 word for word, over every row of the dense ladder."""
    bottom, top, total = min(totals), max(totals), sum(totals.values())
    poc = min(totals, key=lambda row: (-totals[row], abs(2 * row - bottom - top), row))
    low = high = poc
    inside = totals[poc]
    while 100 * inside < pct * total and (low > bottom or high < top):
        above = [r for r in range(high + 1, high + 1 + step) if r <= top]
        below = [r for r in range(low - step, low) if r >= bottom]
        up, down = (sum(totals.get(r, 0) for r in side) for side in (above, below))
        if not below or (above and up >= down):
            high, inside = high + len(above), inside + up
        else:
            low, inside = low - len(below), inside + down
    return low, high


@pytest.fixture(scope="module")
def usdm_lots() -> Counter[int]:
    """Lots of 0.001 BTC by tick of 0.1, 2024-08-08 23:55:00 to 24:00:00 UTC, read by hand."""
    lots: Counter[int] = Counter()
    with gzip.open(shared("data/usdm_btcusdt_20240808.gz"), "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1]).get("data", {})
            if message.get("e") == "trade" and message["T"] >= 1_723_161_300_000:
                assert message["X"] == "MARKET"
                lots[int(Decimal(message["p"]) * 10)] += int(Decimal(message["q"]) * 1000)
    return lots


def test_area_of_lean_s_own_vector_is_equal() -> None:
    """LEAN bins closes up to 0.05, keeps three days, adds one traded row at a time."""
    checked, window = 0, deque[tuple[int, int]](maxlen=3)
    with shared("oracles/lean/vp_datatest.csv").open() as lines:
        for line in csv.DictReader(lines):
            window.append((math.ceil(Decimal(line["Close"]) * 20), int(line["Volume"])))
            if not line["POCPrice"]:
                continue
            totals: Counter[int] = Counter()
            for row, volume in window:
                totals[row] += volume
            area = value_area(totals, method="sparse")
            prices = [Decimal(row or 0) / 20 for row in (area.poc, area.vah, area.val)]
            assert prices == [Decimal(line[name]) for name in ("POCPrice", "VAH", "VAL")]
            assert totals[area.poc or 0] == Decimal(line["POCVolume"])
            assert (max(totals), min(totals)) == (
                Decimal(line["PH"]) * 20,
                Decimal(line["PL"]) * 20,
            )
            # LEAN's test wrote the share through a float; it is a tenth of whole lots.
            assert 7 * area.total == round(Decimal(line["VA"]) * 10)
            assert 100 * area.volume > 70 * area.total
            checked += 1
    assert checked > 10


@pytest.mark.parametrize(
    ("row_ticks", "method", "edges"),
    [
        (1, "cbot2", ("61593.4", "61701.8")),
        (1, "one_row", ("61629.4", "61730.6")),
        (1, "sparse", ("61625.6", "61727.1")),
        (10, "cbot2", ("61596.0", "61702.0")),
        (10, "one_row", ("61592.0", "61701.0")),
        (10, "sparse", ("61592.0", "61701.0")),
        (100, "cbot2", ("61600.0", "61700.0")),
        (100, "one_row", ("61590.0", "61700.0")),
        (100, "sparse", ("61590.0", "61700.0")),
        (250, "cbot2", ("61625.0", "61725.0")),
        (250, "one_row", ("61600.0", "61700.0")),
        (250, "sparse", ("61600.0", "61700.0")),
    ],
)
def test_areas_of_the_capture_are_those_of_the_definitions(
    usdm_lots: Counter[int], row_ticks: int, method: str, edges: tuple[str, str]
) -> None:
    totals: Counter[int] = Counter()
    for tick, lots in usdm_lots.items():
        totals[tick // row_ticks] += lots
    area = value_area(totals, method=method)
    assert area.total // 1000 == 2303
    low, high = (Decimal((row or 0) * row_ticks) / 10 for row in (area.val, area.vah))
    assert (low, high) == tuple(map(Decimal, edges))


@given(ladders, shares, st.integers(1, 9))
def test_area_equals_the_definition_walked_row_by_row(
    totals: dict[int, int], pct: Decimal, step: int
) -> None:
    area = value_area(totals, method=f"step_{step}", pct=pct)
    assert (area.val, area.vah) == grown_row_by_row(totals, step, pct)


@given(ladders, shares)
def test_pairs_are_steps_of_two_and_one_row_is_a_step_of_one(
    totals: dict[int, int], pct: Decimal
) -> None:
    for name, step in (("cbot2", 2), ("one_row", 1)):
        named, stepped = (value_area(totals, method=m, pct=pct) for m in (name, f"step_{step}"))
        assert (named.val, named.vah) == (stepped.val, stepped.vah)


@given(ladders, shares, st.sampled_from(METHODS))
def test_area_reaches_its_share_and_says_how_much(
    totals: dict[int, int], pct: Decimal, method: str
) -> None:
    area = value_area(totals, method=method, pct=pct)
    assert area.val is not None
    assert area.vah is not None
    inside = sum(lots for row, lots in totals.items() if area.val <= row <= area.vah)
    assert area.volume == inside
    assert 100 * inside >= pct * area.total
    exact = Decimal(100 * inside) / area.total
    assert area.reached_pct == str(exact.quantize(Decimal("0.01"), "ROUND_HALF_EVEN"))
    assert Decimal(area.reached_pct) >= pct


@given(ladders, shares)
def test_shortest_area_is_never_wider_than_another(totals: dict[int, int], pct: Decimal) -> None:
    areas = [value_area(totals, method=method, pct=pct) for method in METHODS]
    widths = {area.method: (area.vah or 0) - (area.val or 0) for area in areas}
    assert widths["shortest"] == min(widths.values())


@given(ladders, shares)
def test_shortest_area_equals_a_search_of_all_intervals(
    totals: dict[int, int], pct: Decimal
) -> None:
    area = value_area(totals, method="shortest", pct=pct)
    found = [
        (high - low, -inside, low)
        for low in totals
        for high in totals
        if low <= high
        and 100 * (inside := sum(v for r, v in totals.items() if low <= r <= high))
        >= pct * area.total
    ]
    assert ((area.vah or 0) - (area.val or 0), -area.volume, area.val) == min(found)


@given(ladders, ladders, st.sampled_from(METHODS))
def test_order_of_merging_does_not_matter(
    first: dict[int, int], second: dict[int, int], method: str
) -> None:
    scale = Scale(Decimal("0.1"), Decimal("0.001"))
    halves = [
        VolumeProfile(scale, 1, {row: [lots, 0, row * lots, 0, 1, 0] for row, lots in half.items()})
        for half in (first, second)
    ]
    one, other = (
        value_area({row.row: row.total for row in merge(order).rows()}, method=method)
        for order in (halves, halves[::-1])
    )
    assert one == other


@given(st.integers(0, 10**9), st.integers(1, 10**30), st.sampled_from(METHODS))
def test_one_traded_row_is_its_own_area(row: int, lots: int, method: str) -> None:
    area = value_area({row: lots}, method=method)
    assert (area.poc, area.vah, area.val, area.reached_pct) == (row, row, row, "100.00")


@pytest.mark.parametrize("method", METHODS)
def test_no_volume_has_no_area(method: str) -> None:
    for empty in ({}, {7: 0}):
        area = value_area(empty, method=method)
        assert (area.poc, area.vah, area.val, area.reached_pct) == (None, None, None, None)


def test_tied_rows_go_to_the_middle_and_then_down() -> None:
    assert value_area({0: 5, 4: 5, 10: 1}).poc == 4
    assert value_area({0: 1, 4: 5, 6: 5, 10: 1}).poc == 4


@pytest.mark.parametrize("method", ["", "cbot", "step_", "step_0", "step_100", "STEP_2", "cbot2\n"])
def test_unknown_method_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="no value area method"):
        value_area({1: 1}, method=method)


@pytest.mark.parametrize("pct", ["0", "-1", "100.01"])
def test_share_that_cannot_be_reached_is_refused(pct: str) -> None:
    with pytest.raises(ValueError, match="percent"):
        value_area({1: 1}, pct=Decimal(pct))


@pytest.mark.parametrize("method", METHODS)
def test_wide_sparse_ladder_costs_by_traded_rows(method: str) -> None:
    """Rows a million times further apart change the answer's distances, never the work."""
    near = {1000 * at: 1 + at * 7919 % 97 for at in range(3000)}
    far = {row * 10**6: lots for row, lots in near.items()}
    assert value_area(far, method=method).total == value_area(near, method=method).total


@given(st.integers(0, 10**9), st.integers(0, 10**7))
def test_default_rows_are_the_narrowest_that_number_at_most_a_hundred(low: int, span: int) -> None:
    high = low + span
    width = default_row_ticks(low, high)
    widths = [step * 10**power for power in range(9) for step in (1, 2, 5)]
    for narrower, wider in pairwise([0, *widths]):
        if wider == width and narrower:
            assert high // narrower - low // narrower >= 100
    assert width in widths
    assert high // width - low // width < 100


def test_reversed_range_has_no_rows() -> None:
    with pytest.raises(ValueError, match="below"):
        default_row_ticks(2, 1)


def test_registry_names_what_it_holds() -> None:
    assert METRICS["value_area"] is value_area
    assert METRICS["row_ticks"] is default_row_ticks
