"""Live books in SQLite, so that a process that serves sees what another one collects."""

from collections.abc import Sequence

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.packing import pack_view, unpack_view
from cloud_marketdata.storage.ports import BookView

_SAVE = """
    INSERT INTO books (venue, symbol, view) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET view = excluded.view"""
_FIND = "SELECT view FROM books WHERE venue = ? AND symbol = ?"


class EmbeddedBooks:
    """LiveBooks in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, views: Sequence[BookView]) -> None:
        """Replace the views of these instruments."""
        rows = [(v.instrument.venue, v.instrument.symbol, pack_view(v)) for v in views]
        await self._database.write_rows(_SAVE, rows)

    async def find(self, venue: Venue, symbol: str) -> BookView | None:
        """Return the view last published, or None."""
        row = await self._database.read(
            lambda connection: connection.execute(_FIND, (venue, symbol)).fetchone()
        )
        return unpack_view(row[0]) if row else None
