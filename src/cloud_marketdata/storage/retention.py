"""Bounds the log: books leave it when they are older than the hot tier's time.

Trades and status facts leave it through their worker alone, which knows what is inside a stored
aggregate or ledger. Of several processes each trims the books that are its own by rank; where two
think that of one, the second finds nothing.
"""

from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import EventLog, Stream, StreamKind

_EVERY_S: Final = 10.0
_ALL: Final = 1 << 62


class HotRetention:
    """Trims streams that nobody aggregates."""

    def __init__(self, log: EventLog, clock: Clock, minutes: int, membership: Membership) -> None:
        self._log = log
        self._clock = clock
        self._kept_ns = minutes * 60 * NS_PER_S
        self._membership = membership

    async def run(self) -> None:
        """Trim every few seconds until cancelled."""
        while True:
            try:
                await self.trim()
            except StorageError as error:
                structlog.get_logger().warning("retention.storage_away", error=str(error))
            await self._clock.sleep(_EVERY_S)

    async def trim(self) -> int:
        """Remove what is too old; return how many entries went."""
        before = self._clock.now() - self._kept_ns
        return sum(
            [
                await self._log.trim(stream, upto=_ALL, before=before)
                for stream in await self._log.streams()
                if stream.kind is StreamKind.BOOK and self._ours(stream)
            ]
        )

    def _ours(self, stream: Stream) -> bool:
        return self._membership.rank(f"retention/{stream.venue}/{stream.symbol}") == 0
