"""The scorer says of NAB's own detector what NAB published of it."""

import csv
import gzip
import json
from itertools import groupby

import pytest

from cloud_marketdata.bench.scoring.nab import (
    LOW_FALSE,
    LOW_MISSED,
    STANDARD,
    Series,
    final,
)

NAMES = {
    "standard": STANDARD,
    "reward_low_FP_rate": LOW_FALSE,
    "reward_low_FN_rate": LOW_MISSED,
}


@pytest.fixture(scope="module")
def corpus(oracles) -> list[Series]:
    labelled = json.loads((oracles / "nab/combined_windows.json").read_text())
    with gzip.open(oracles / "nab/windowedGaussian_scores.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    made = []
    for name, group in groupby(rows, key=lambda row: row["file"]):
        held = list(group)
        windows = [(start[:19], end[:19]) for start, end in labelled[name]]
        scores = [float(row["anomaly_score"]) for row in held]
        made.append(Series([row["timestamp"] for row in held], scores, windows))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_the_published_score_of_windowed_gaussian_comes_out(corpus, oracles, name):
    published = json.loads((oracles / "nab/expected_windowedGaussian.json").read_text())
    assert final(corpus, NAMES[name]) == pytest.approx(published["final"][name], abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_those_of_the_published_profiles(oracles, name):
    published = json.loads((oracles / "nab/profiles.json").read_text())[name]["CostMatrix"]
    weights = (published["tpWeight"], published["fpWeight"], published["fnWeight"])
    assert weights == tuple(NAMES[name])


def test_a_detector_that_says_the_same_everywhere_has_no_merit(corpus):
    constant = [series._replace(scores=[0.5] * len(series.scores)) for series in corpus]
    assert final(constant, STANDARD) == pytest.approx(0.0)


def test_one_that_alarms_at_the_first_row_of_each_window_alone_is_perfect(corpus):
    perfect = []
    for series in corpus:
        starts = {start for start, _ in series.windows}
        perfect.append(series._replace(scores=[float(time in starts) for time in series.times]))
    assert final(perfect, STANDARD) == pytest.approx(100.0)
