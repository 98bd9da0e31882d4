"""The short form of `make signals`: the marks of issue 5 on one market and one pair of a seed.

The long form, over all venues and more seeds, is docs/signals.md.
"""

import pytest

from cloud_marketdata.bench.signals.goals import GOALS, LAG_MS, PRECISION, RECALL, judged_sizes
from cloud_marketdata.bench.signals.markets import Scored, scored
from cloud_marketdata.bench.signals.pairs import Lag, paired_markets
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.labelled.spec import Spec

# Volume spikes of x5 to x50 are below the definition's own cut; docs/signals.md says why.
PROMISED = [kind for kind in GOALS if kind is not SignalKind.VOLUME_SPIKE]
SINGLE = [kind for kind in PROMISED if kind is not SignalKind.VENUE_DIVERGENCE]


@pytest.fixture(scope="module")
def market() -> Scored:
    spec = Spec(tuple(SINGLE), rounds=2, warm_s=1_800, pause_s=15)
    return scored(Venue.BINANCE_USDM, spec, seed=5)


@pytest.fixture(scope="module")
def pair() -> tuple[Scored, Lag]:
    spec = Spec((SignalKind.VENUE_DIVERGENCE,), rounds=2, warm_s=240, lag_ms=35)
    return paired_markets(spec, seed=5)


@pytest.mark.parametrize("kind", PROMISED)
def test_what_is_planted_is_found_and_little_else_is_told(market, pair, kind):
    marks = (market.marks | pair[0].marks)[kind]
    counted = marks.whole(judged_sizes(kind, marks))
    assert counted.planted >= 4
    assert counted.recall >= RECALL
    assert marks.precision >= PRECISION


def test_a_planted_lag_is_estimated_within_five_ms(pair):
    lag = pair[1]
    assert len(lag.estimates) >= 2
    assert abs(lag.estimate - 35) <= LAG_MS


def test_price_spikes_below_the_floor_of_the_definition_are_not_told(market):
    assert market.marks[SignalKind.PRICE_SPIKE].sizes["5 bp"].found == 0
