"""The log has what an answer hides: one line of what was foreseen, a trace of what was not."""

from structlog.testing import capture_logs

from cloud_marketdata.api.errors import Problems
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import BadTimeError, StorageError


def logged(error: Exception) -> tuple[str, dict[str, object]]:
    """Return the detail that an asker sees, and the line in the log."""
    with capture_logs() as lines:
        problem = Problems("rest", SystemClock()).of(error)
    [line] = lines
    assert line["request_id"] == problem.request_id
    return problem.detail, line


def test_a_store_that_is_away_is_one_line_without_a_trace():
    shown, line = logged(StorageError("Redis at 10.0.0.7 is away"))

    assert (line["event"], line["code"]) == ("request failed", "storage_unavailable")
    assert line["error"] == "Redis at 10.0.0.7 is away"
    assert line["exc_info"] is None
    assert "10.0.0.7" not in shown


def test_a_bug_has_its_trace_in_the_log():
    bug = ZeroDivisionError("at the worst of times")
    shown, line = logged(bug)

    assert (line["code"], line["exc_info"]) == ("internal", bug)
    assert "worst" not in shown


def test_what_the_asker_did_wrong_is_none_of_the_logs_business():
    with capture_logs() as lines:
        Problems("rest", SystemClock()).of(BadTimeError("when?"))
    assert lines == []
