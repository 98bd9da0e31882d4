"""The writer commits what it says it committed, and a job that fails fails alone."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.embedded.writer import Writer


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    connection.close()
    return path


@pytest.fixture
def writer(path):
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.05)
    writer = Writer(connection, "test")
    yield writer
    writer.close()


def _insert(*numbers: int) -> Callable[[sqlite3.Connection], tuple[int, ...]]:
    def work(connection: sqlite3.Connection) -> tuple[int, ...]:
        for number in numbers:
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return numbers

    return work


def _kept(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT number FROM numbers ORDER BY number").fetchall()
    connection.close()
    return [number for (number,) in rows]


def _held(writer: Writer) -> threading.Event:
    """Keep the writer busy until the returned event is set."""
    go = threading.Event()
    writer.submit(lambda _: go.wait(10))
    return go


def test_a_done_job_is_committed(writer, path):
    assert writer.submit(_insert(1, 2)).result(5) == (1, 2)
    assert _kept(path) == [1, 2]


def test_jobs_that_wait_share_a_transaction(writer):
    statements = []
    go = _held(writer)
    writer.submit(lambda connection: connection.set_trace_callback(statements.append))
    jobs = [writer.submit(_insert(number)) for number in range(50)]
    go.set()
    for job in jobs:
        job.result(5)

    assert statements.count("COMMIT") == 1


def test_a_failing_job_leaves_no_trace_and_spares_its_neighbours(writer, path):
    go = _held(writer)
    first, broken, last = [writer.submit(_insert(*n)) for n in ((1,), (2, 1), (3,))]
    go.set()

    with pytest.raises(sqlite3.IntegrityError):
        broken.result(5)
    assert (first.result(5), last.result(5)) == ((1,), (3,))
    assert _kept(path) == [1, 3]


def test_a_job_cancelled_before_its_turn_is_not_run(writer, path):
    go = _held(writer)
    cancelled, other = writer.submit(_insert(1)), writer.submit(_insert(2))
    cancelled.cancel()
    go.set()
    other.result(5)

    assert _kept(path) == [2]


def test_a_locked_file_fails_the_jobs_and_not_the_writer(writer, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writer.submit(_insert(1)).result(5)
    other.execute("ROLLBACK")
    other.close()

    assert writer.submit(_insert(2)).result(5) == (2,)
    assert _kept(path) == [2]


def test_closing_finishes_what_was_submitted(path):
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer = Writer(connection, "test")
    jobs = [writer.submit(_insert(number)) for number in range(300)]
    writer.close()

    assert all(job.done() for job in jobs)
    assert _kept(path) == list(range(300))
    with pytest.raises(StorageError, match="closed"):
        writer.submit(_insert(999))
