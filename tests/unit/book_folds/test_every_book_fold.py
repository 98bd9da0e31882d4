"""What holds of each fold that looks at the book."""

import msgspec
import pytest
from book_tape import INSTRUMENT, S, busy, stored

from cloud_marketdata.domain.signal import SignalState
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
    told = tape.told(*(fold() for fold in FOLDS), page=page)
    expected = tape.told(*(fold() for fold in FOLDS), page=1_000)

    assert told.minutes == expected.minutes
    assert told.signals == expected.signals


def test_no_state_grows_with_time():
    sizes = {}
    for seconds in (3_600, 10_800):
        _, folds = busy(seconds, seed=7, rate=3).told_in_parts(
            [fold() for fold in FOLDS], lambda fold: fold
        )
        sizes[seconds] = {fold.name: len(msgspec.msgpack.encode(fold)) for fold in folds}

    for name, size in sizes[10_800].items():
        assert size < 1.25 * sizes[3_600][name] + 600, name


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


@pytest.mark.parametrize("fold", FOLDS)
def test_a_finer_grid_keeps_what_a_fold_has_learnt(fold):
    _, (grown,) = busy(1_300, seed=9, resync=10_000).told_in_parts([fold()], lambda one: one)

    assert grown.rescaled(10, 100).warming == grown.warming


def test_calm_noise_is_not_told():
    told = busy(1_500, seed=10, resync=10_000).told(*(fold() for fold in DETECTORS)).signals

    assert [one.kind for one in told if one.state is SignalState.HELD] == []
    assert S
