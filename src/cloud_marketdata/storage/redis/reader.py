"""A LogReader through a consumer group.

The position saved with the aggregates is the only truth. So whoever opens a reader takes over what
dead consumers left behind (XAUTOCLAIM), acknowledges it, and sets the group to the saved position:
what lies behind that is delivered again, in order. A reader that was taken over, such as that of a
paused worker that wakes up, is told so at its next read and can take nothing from its successor.
"""

from collections import deque
from itertools import islice
from typing import Final

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.storage.ports import Record, Stream
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.group import OPEN, READ
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.records import record
from cloud_marketdata.storage.redis.server import Reply
from cloud_marketdata.storage.redis.spans import entry_id
from cloud_marketdata.storage.wakeup import Wakeup

_GROUP: Final = "workers"
_A_CALL: Final = 1000


class GroupReader:
    """LogReader of one stream, which begins behind `after`; `name` is like no other reader's."""

    def __init__(
        self, client: Client, keys: Keys, stream: Stream, after: int, name: str, wakeup: Wakeup
    ) -> None:
        self._client = client
        self._names = keys.entries(stream), keys.marks(stream)
        self._stream = stream
        self._after = after
        self._name = name
        self._wakeup = wakeup
        self._number = 0
        self._sure = False
        self._pending: deque[int] = deque()

    async def open(self) -> None:
        """Have the group begin behind the last entry returned.

        The first time it is taken from whoever has it; later it may have a successor (FencedError).
        """
        number, ours = await self._ask(OPEN, entry_id(self._after), self._number)
        if not ours:
            self._replaced()
        self._number, self._sure = number, True

    async def read(self, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries behind those that it returned before, in order.

        Raises FencedError for good once another reader of the stream has been opened.
        """
        self._wakeup.look()
        while True:
            if not self._sure:
                await self.open()
            # An answer that gets lost leaves the group ahead of us; so does being cancelled.
            self._sure = False
            number, ours, found = await self._ask(READ, limit)
            if number > self._number and not ours:
                self._replaced()
            # What cannot be read raises here, and then the group is ahead of us too.
            records = [one for one in map(record, found or ()) if one.position > self._after]
            self._sure = bool(ours)
            if records or (ours and not found):
                return self._returned(records)

    async def acknowledge(self, upto: int) -> None:
        """Take entries at or below the position off the group's list of pending ones."""
        while self._pending and self._pending[0] <= upto:
            due = [at for at in islice(self._pending, _A_CALL) if at <= upto]
            await self._client.ask(
                self._names[0], "XACK", self._names[0], _GROUP, *map(entry_id, due)
            )
            for _ in due:
                self._pending.popleft()

    def _returned(self, records: list[Record]) -> list[Record]:
        if records:
            self._after = records[-1].position
            self._pending.extend(one.position for one in records)
        return records

    def _replaced(self) -> None:
        msg = f"{self._stream}: somebody else reads it by now"
        raise FencedError(msg)

    async def _ask(self, script: bytes, *values: str | int) -> Reply:
        names = self._names
        return await self._client.ask(
            names[0], "EVAL", script, len(names), *names, _GROUP, self._name, *values
        )
