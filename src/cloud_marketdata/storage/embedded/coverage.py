"""Coverage ledgers in SQLite, one packed row a row, in the file of the aggregates.

They are written in the transaction of the aggregates that include the same log position.
"""

import sqlite3
from collections.abc import Callable

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.sheet import Changes, Kept, Marks
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.packing import pack_marks, pack_row, unpack_marks, unpack_row

_MARK = """
    INSERT INTO coverage_marks (venue, symbol, trades, status, widest, body)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET trades = excluded.trades, status = excluded.status,
    widest = max(widest, excluded.widest), body = excluded.body
    WHERE excluded.trades >= trades AND excluded.status >= status"""
_DROP = "DELETE FROM coverage WHERE venue = ? AND symbol = ? AND key = ?"
_PUT = """
    INSERT INTO coverage (venue, symbol, stream, key, start, end, open, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET stream = excluded.stream, start = excluded.start, end = excluded.end,
    open = excluded.open, body = excluded.body"""
_MARKS = "SELECT widest, body FROM coverage_marks WHERE venue = ? AND symbol = ?"
_OPEN = "SELECT body FROM coverage WHERE venue = ? AND symbol = ? AND stream = ? AND open = 1"
_TOUCHING = """
    SELECT body FROM coverage WHERE venue = ? AND symbol = ? AND stream = ? AND open = 0
    AND start > ? AND start < ? AND end > ?"""


class EmbeddedCoverage:
    """CoverageRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, venue: Venue, symbol: str, start: int, end: int, covered: Covered | None = None
    ) -> Kept:
        """Return the marks of a market, the rows that touch the range, and every open row."""
        market = (venue, symbol)
        streams = [covered] if covered else list(Covered)

        def work(connection: sqlite3.Connection) -> Kept:
            # Without a transaction a save could come between the marks and the rows.
            connection.execute("BEGIN")
            try:
                widest, marks = connection.execute(_MARKS, market).fetchone() or (0, None)
                bodies = []
                for stream in streams:
                    bodies += connection.execute(_OPEN, (*market, stream)).fetchall()
                    values = (*market, stream, start - widest, end, start)
                    bodies += connection.execute(_TOUCHING, values).fetchall()
            finally:
                connection.execute("ROLLBACK")
            rows = tuple(unpack_row(body) for (body,) in bodies)
            return Kept(unpack_marks(marks) if marks else Marks(), rows)

        return await self._database.read(work)


def taking(changes: Changes) -> Callable[[sqlite3.Connection], None]:
    """Return the work that stores changes; it is packed now, and they may go on changing."""
    market = (changes.venue, changes.symbol)
    marks = changes.marks
    widest = max((row.end - row.start for row in changes.rows if not row.open), default=0)
    mark = (*market, marks.trades, marks.status, widest, pack_marks(marks))
    gone = [(*market, key) for key in changes.gone]
    rows = [
        (*market, row.covered, row.key, row.start, row.end, row.open, pack_row(row))
        for row in changes.rows
    ]

    def work(connection: sqlite3.Connection) -> None:
        # A mark that is not stored was made from less of the log than what is there.
        if connection.execute(_MARK, mark).rowcount:
            connection.executemany(_DROP, gone)
            connection.executemany(_PUT, rows)

    return work
