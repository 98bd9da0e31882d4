"""The figures of /health say what the samples say, in the words of the page."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.api.health_figures import health_figures
from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.core.telemetry.histogram import Histogram

MARKET = ("binance", "binance-usdm", "BTCUSDT")
seconds = st.floats(0.0002, 50)


@given(st.lists(seconds, min_size=1, max_size=60))
def test_quantiles_are_within_five_percent_of_the_truth(given_seconds):
    histogram = Histogram()
    for one in given_seconds:
        histogram.observe(one)
    sample = told.INGEST_LATENCY.of(histogram, "binance", "binance-usdm", "logged")
    found = health_figures([sample]).latency["binance-usdm"]["logged"]
    ranked = sorted(given_seconds)
    for share, said in ((0.5, found.p50_ms), (0.95, found.p95_ms), (0.99, found.p99_ms)):
        at = -int(-share * len(ranked) // 1) - 1
        true_ms = ranked[at] * 1000
        assert abs(said - true_ms) <= 0.05 * true_ms + 0.001
    assert found.count == len(given_seconds)


def test_a_stage_in_which_nothing_happened_lately_has_no_quantiles():
    sample = told.INGEST_LATENCY.of(Histogram(), "binance", "binance-usdm", "logged")
    assert health_figures([sample]).latency == {}


def test_a_stream_is_unusually_late_by_its_own_rhythm_only():
    samples = [
        told.STREAM_AGE.of(9.0, *MARKET, "trades"),
        told.STREAM_PATIENCE.of(40.0, *MARKET, "trades"),
        told.STREAM_AGE.of(9.0, *MARKET, "book"),
        told.STREAM_PATIENCE.of(4.0, *MARKET, "book"),
    ]
    lag = health_figures(samples).lag["binance-usdm/BTCUSDT"]
    assert not lag["trades"].unusual
    assert lag["book"].unusual
    assert (lag["book"].age_s, lag["book"].usual_s) == (9.0, 4.0)


def test_coverage_is_rounded_down_so_that_one_means_all_of_it():
    samples = [told.COVERAGE.of(0.9999995, *MARKET)]
    assert health_figures(samples).coverage == {"binance-usdm/BTCUSDT": 0.999999}
