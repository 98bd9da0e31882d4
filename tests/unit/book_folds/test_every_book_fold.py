"""What holds of each fold that looks at the book."""

import msgspec
import pytest
from book_tape import INSTRUMENT, busy, stored

from cloud_marketdata.processing.detectors.absorption import Absorption
from cloud_marketdata.processing.detectors.crossed_book import CrossedBook
from cloud_marketdata.processing.detectors.depth_collapse import DepthCollapse
from cloud_marketdata.processing.detectors.iceberg_suspected import IcebergSuspected
from cloud_marketdata.processing.detectors.spread_blow_out import SpreadBlowOut
from cloud_marketdata.processing.metrics import book_imbalance, ofi, ofi_levels, spreads
from cloud_marketdata.processing.metrics.book_imbalance import BookImbalance
from cloud_marketdata.processing.metrics.ofi import Ofi
from cloud_marketdata.processing.metrics.ofi_levels import OfiLevels
from cloud_marketdata.processing.metrics.spreads import Spreads

DETECTORS = (Absorption, CrossedBook, DepthCollapse, IcebergSuspected, SpreadBlowOut)
FOLDS = (*DETECTORS, BookImbalance, Ofi, OfiLevels, Spreads)
MEASURES = {"book_imbalance": book_imbalance, "ofi": ofi, "ofi_levels": ofi_levels}
MEASURES["spreads"] = spreads


def test_storing_every_fold_after_every_event_changes_nothing():
    tape = busy(240, seed=5)
    straight, kept = tape.told_in_parts([fold() for fold in FOLDS], lambda fold: fold)
    broken, restored = tape.told_in_parts([fold() for fold in FOLDS], stored)

    assert broken.minutes == straight.minutes
    assert broken.signals == straight.signals
    for one, other in zip(kept, restored, strict=True):
        assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


@pytest.mark.parametrize("page", [1, 7, 200])
def test_what_is_told_does_not_depend_on_how_the_log_is_read(page):
    tape = busy(200, seed=6)
    told = tape.read(*(fold() for fold in FOLDS), page=page)
    expected = tape.told(*(fold() for fold in FOLDS))

    assert told.minutes == expected.minutes
    assert told.signals == expected.signals


def test_no_state_grows_with_time():
    """Even ten bytes a second would be more by then; an hour of samples takes 18 kB of it."""
    folds = [fold() for fold in FOLDS]
    busy(3_500, seed=7, rate=2).told(*folds)

    for fold in folds:
        assert len(msgspec.msgpack.encode(fold)) < 25_000, fold.name


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_readings_merge_in_any_grouping_and_can_be_described(name):
    fold = next(fold for fold in FOLDS if fold.name == name)
    readings = [one.readings[name] for one in busy(400, seed=8).told(fold()).minutes]
    measure, whole = MEASURES[name], MEASURES[name].merged(readings)

    assert len(readings) > 5
    for cut in range(1, len(readings)):
        parts = [measure.merged(readings[:cut]), measure.merged(readings[cut:])]
        assert measure.merged(parts) == whole
    assert measure.merged(readings[:1]) == readings[0]
    assert msgspec.json.encode(measure.described(whole, INSTRUMENT.scale))


@pytest.mark.parametrize("kind", FOLDS)
def test_a_finer_grid_takes_nothing_back_that_was_learnt(kind):
    fold = kind()
    busy(700, seed=9, resync=10_000, rate=3).told(fold)

    assert fold.rescaled(10, 100).warming == fold.warming
