"""Errors and warnings of the log are counted by their event, and only so many kinds of them."""

from collections.abc import Iterator

import pytest
import structlog

from cloud_marketdata.core.logs import ERROR_COUNTS, configure
from cloud_marketdata.core.telemetry.error_counts import MOST, OTHER, ErrorCounts


def told(counts: ErrorCounts) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in counts.measures()}


@pytest.fixture
def logs_of_their_own() -> Iterator[None]:
    """Logging is set up for the whole process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("logs_of_their_own")
def test_what_is_logged_as_wrong_is_counted_and_nothing_else(capsys):
    configure("info")
    before = told(ERROR_COUNTS)
    log = structlog.get_logger()
    log.info("counted.not")
    log.warning("counted.once")
    log.error("counted.twice")
    try:
        raise ValueError  # noqa: TRY301  a trace is wanted
    except ValueError:
        log.exception("counted.twice")
    after = told(ERROR_COUNTS)
    new = {name: count - before.get(name, 0) for name, count in after.items()}
    assert {name: count for name, count in new.items() if count} == {
        "counted.once": 1,
        "counted.twice": 2,
    }
    assert capsys.readouterr().err.count("counted.") == 4


def test_names_without_end_are_one():
    counts = ErrorCounts()
    for at in range(3 * MOST):
        counts(None, "", {"level": "error", "event": f"event.{at}"})
    assert len(told(counts)) == MOST + 1
    assert told(counts)[OTHER] == 2 * MOST
