import importlib
import inspect
import pkgutil
import sys
from types import ModuleType

import pytest

from cloud_marketdata.collectors import venues
from cloud_marketdata.collectors.base import BaseCollector
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing import detectors, metrics
from cloud_marketdata.processing.detectors import kline_mismatch
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.processing.metrics import MEASURES, METRICS
from cloud_marketdata.processing.metrics.measures import Measure

_PROCESSING = "cloud_marketdata.processing.detectors."


def _modules(package: ModuleType) -> set[str]:
    return {f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)}


def _used(package: ModuleType, entries: list[object]) -> set[str]:
    """Return the package's modules that the registered names come from, or import in turn.

    What lies outside is followed too: a detector may use a metric, and only it.
    """
    waiting = [inspect.getmodule(entry).__name__ for entry in entries]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or not name.startswith((package.__name__ + ".", _PROCESSING)):
            continue
        found.add(name)
        for value in vars(sys.modules[name]).values():
            home = value if isinstance(value, ModuleType) else inspect.getmodule(value)
            waiting += [home.__name__] if home else []
    return {name for name in found if name.startswith(package.__name__ + ".")}


@pytest.mark.parametrize(
    ("package", "registered"),
    [
        pytest.param(venues, list(VENUES.values()), id="venues"),
        pytest.param(
            metrics, [*METRICS.values(), *MEASURES.values(), Measure, *FOLDS], id="metrics"
        ),
        pytest.param(detectors, [*FOLDS, kline_mismatch.mismatch_signal], id="detectors"),
    ],
)
def test_every_file_beside_a_registry_is_reached_from_it(package, registered):
    assert _used(package, registered) == _modules(package)


def test_every_venue_has_a_collector_of_its_own():
    assert {venue: collector.venue for venue, collector in VENUES.items()} == {
        venue: venue for venue in Venue
    }


def test_every_finished_collector_is_registered():
    finished = {
        value
        for name in _modules(venues)
        for value in vars(importlib.import_module(name)).values()
        if inspect.isclass(value) and issubclass(value, BaseCollector) and "venue" in vars(value)
    }

    assert finished == set(VENUES.values())


def test_every_metric_is_a_function_that_says_what_it_is():
    undescribed = [name for name, metric in METRICS.items() if not inspect.getdoc(metric)]

    assert undescribed == []
