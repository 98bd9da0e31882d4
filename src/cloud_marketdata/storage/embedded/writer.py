"""The one thread that writes to a file, many small jobs to a transaction.

Jobs that arrive while a commit is under way are committed together by the next one. Each job runs
behind its own savepoint: one that fails is undone alone, and its error goes to who asked for it.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from cloud_marketdata.core.errors import StorageError

T = TypeVar("T")
_MOST_JOBS = 256


class _Job(Generic[T]):
    """Work for the writer, and where its outcome is told once it is durable."""

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work = work
        self._outcome: T | None = None
        self._error: Exception | None = None
        self.future: Future[T] = Future()

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Do the work, or leave no trace of it."""
        connection.execute("SAVEPOINT job")
        try:
            self._outcome = self._work(connection)
        except Exception as error:  # noqa: BLE001  # it belongs to the asker, whatever it is
            self._error = error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def tell(self) -> None:
        """Hand over the outcome, after the commit."""
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._outcome)  # type: ignore[arg-type]  # T may include None


class Writer:
    """Runs jobs in their order on a connection that it owns from now on."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._closed = False
        self._ending = False
        self._thread = Thread(target=self._run, name=name)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue a job; the future is done when its transaction has been committed.

        A job whose future is cancelled before its turn is not run. Raises StorageError after
        `close`.
        """
        if self._closed:
            msg = "the store is closed"
            raise StorageError(msg)
        job = _Job(work)
        self._jobs.put(job)  # type: ignore[arg-type]  # the queue does not care for the result
        return job.future

    def close(self) -> None:
        """Finish the queued jobs, end the thread and close the connection; blocks until then."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._ending:
            jobs = [job for job in self._take() if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._commit(jobs)

    def _take(self) -> list[_Job[object]]:
        """Wait for a job and take all that are there."""
        jobs: list[_Job[object]] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _MOST_JOBS:
                return jobs
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs
        self._ending = True
        return jobs

    def _commit(self, jobs: list[_Job[object]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.attempt(self._connection)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            for job in jobs:
                job.future.set_exception(error)
        else:
            for job in jobs:
                job.tell()

    def _undo(self) -> None:
        # Some errors, such as a full disk, end the transaction by themselves.
        if self._connection.in_transaction:
            self._connection.rollback()
