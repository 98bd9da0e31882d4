"""A LogReader by position alone, for logs that keep nothing about those who read them.

Memory and embedded share it: the position saved with the aggregates is the only truth, so there is
nobody to tell that an entry has been read, and a crash leaves nothing behind that must be claimed.
"""

from cloud_marketdata.storage.ports import EventLog, Record, Stream


class PlainReader:
    """LogReader over `EventLog.read`."""

    def __init__(self, log: EventLog, stream: Stream, after: int) -> None:
        self._log = log
        self._stream = stream
        self._after = after

    async def read(self, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries behind those that it returned before, in order."""
        records = await self._log.read(self._stream, after=self._after, limit=limit)
        if records:
            self._after = records[-1].position
        return records

    async def acknowledge(self, upto: int) -> None:
        """Need nothing: the log keeps no account of its readers."""
