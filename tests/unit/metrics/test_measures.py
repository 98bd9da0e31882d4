"""Every measure is registered under the name that its fold gives its readings."""

import inspect

import pytest

from cloud_marketdata.processing.detectors.clock_skew import ClockSkew
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.metrics import MEASURES


def folds_of(module: object) -> list[type[Fold]]:
    """Return the folds that a module itself defines; the clock's lies beside its alarm."""
    here = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Fold) and one.__module__ == module.__name__
    ]
    return here or [ClockSkew]


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_measure_is_registered_under_its_fold_s_name(name):
    (fold,) = folds_of(MEASURES[name])
    assert fold.name == name


def test_measures_are_listed_in_the_order_of_their_names():
    assert list(MEASURES) == sorted(MEASURES)
