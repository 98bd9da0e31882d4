"""The log as Redis itself shows it, and a witness of what has ever stood in it.

Entries are read by the driver alone. Only what is inside an entry is unpacked by the product, whose
packing has laws of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

import redis

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.packing import unpack_events
from cloud_marketdata.storage.ports import Stream, StreamKind
from cloud_marketdata.storage.redis.keys import Keys, parsed
from cloud_marketdata.storage.redis.spans import position_of

_PAGE: Final = 1000
_BEGINNING: Final = b"0-0"


class RawLog:
    """What Redis holds."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._keys = Keys()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def streams(self, *kinds: StreamKind) -> list[Stream]:
        """Return the streams of these kinds that were ever appended to."""
        names = self._client.smembers(self._keys.streams)
        return sorted(stream for stream in map(parsed, names) if stream.kind in kinds)

    def entries(self, stream: Stream, after: bytes = _BEGINNING) -> Iterator[tuple[bytes, bytes]]:
        """Yield id and packed block of every entry behind an id, in order."""
        while page := self._page(stream, after):
            yield from ((identity, fields[b"e"]) for identity, fields in page)
            after, _ = page[-1]

    def records(self, stream: Stream) -> Iterator[tuple[int, list[TradeEvent]]]:
        """Yield position and trades of every entry, in order."""
        for identity, block in self.entries(stream):
            yield position_of(identity), list(unpack_events(block))

    def last(self, stream: Stream) -> int:
        """Return the position of the newest entry, or 0."""
        found = self._client.xrevrange(self._keys.entries(stream), count=1)
        return position_of(found[0][0]) if found else 0

    def ends(self) -> dict[Stream, int]:
        """Return the position of the newest entry of every stream of trades."""
        return {stream: self.last(stream) for stream in self.streams(StreamKind.TRADES)}

    def holders(self) -> dict[Stream, bytes]:
        """Return who has the lease of every stream of trades, or had it last."""
        return {
            stream: self._client.hget(
                self._keys.lease(f"worker/{stream.venue}/{stream.symbol}"), "holder"
            )
            for stream in self.streams(StreamKind.TRADES)
        }

    def now_ms(self) -> int:
        """Return the time by the server's clock."""
        seconds, micros = self._client.time()
        return seconds * 1000 + micros // 1000

    def collectors(self, venue: Venue, symbols: Sequence[str]) -> dict[str, str]:
        """Return who has the lease to collect each symbol now; without those nobody has."""
        found, now_us = {}, self.now_ms() * 1000
        for symbol in symbols:
            key = self._keys.lease(f"collect/{venue}/{symbol}")
            holder, until = self._client.hmget(key, "holder", "until")
            if holder and int(until) > now_us:
                found[symbol] = holder.decode()
        return found

    def _page(self, stream: Stream, after: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
        key = self._keys.entries(stream)
        return self._client.xrange(key, min=b"(" + after, count=_PAGE)


class Witness:
    """Remembers id and checksum of every entry of trades and facts that it has ever seen."""

    def __init__(self, log: RawLog) -> None:
        self.seen: dict[Stream, list[tuple[bytes, int]]] = {}
        self._log = log

    def look(self) -> None:
        """Take notice of what has come since the last look."""
        for stream in self._log.streams(StreamKind.TRADES, StreamKind.STATUS):
            seen = self.seen.setdefault(stream, [])
            after = seen[-1][0] if seen else _BEGINNING
            seen += self._summed(stream, after)

    def assert_all_is_there(self) -> None:
        """Whatever was ever seen stands where it stood, with nothing put in between."""
        self.look()
        for stream, seen in self.seen.items():
            assert seen == self._summed(stream), f"{stream} has changed behind its readers"

    def _summed(self, stream: Stream, after: bytes = _BEGINNING) -> list[tuple[bytes, int]]:
        return [(identity, crc32(block)) for identity, block in self._log.entries(stream, after)]
