"""The books of a Binance venue, rebuilt from its own frames.

Deltas wait until a REST snapshot joins them: spot by `U <= L+1 <= u`, USD-M by `U <= L <= u` or
`pu == L` and from then on by `pu` alone. A gap, or a snapshot older than the deltas, empties the
book until the next snapshot. Shallow streams and tickers are not read.
"""

from collections import deque
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.levels import WireLevel, WireSide

DIFF_KINDS: Final = ("depth", "depth@0ms", "depth@100ms", "depth@250ms", "depth@500ms")
WAITING: Final = 10_000


class Diff(Struct):
    """A depthUpdate; `pu` only on USD-M."""

    s: str
    U: int
    u: int
    b: list[WireLevel]
    a: list[WireLevel]
    pu: int = -1
    E: int = 0
    T: int = 0


class DepthReply(Struct, omit_defaults=True):
    """The REST depth reply; E and T only on USD-M."""

    last_update_id: int = field(name="lastUpdateId")
    E: int = 0
    T: int = 0
    bids: list[WireLevel] = field(default_factory=list)
    asks: list[WireLevel] = field(default_factory=list)


class _Message(Struct):
    stream: str = ""
    data: Raw = Raw()


_message = msgspec.json.Decoder(_Message)
_diff = msgspec.json.Decoder(Diff)
_reply = msgspec.json.Decoder(DepthReply)


class DiffBook:
    """The book of one symbol."""

    def __init__(self, stream: str, *, usdm: bool) -> None:
        self.stream = stream
        self._usdm = usdm
        self._joined = False
        self._reply: DepthReply | None = None
        self._bids = WireSide(descending=True)
        self._asks = WireSide(descending=False)
        self._waiting: deque[Diff] = deque(maxlen=WAITING)

    @property
    def ready(self) -> bool:
        """Whether a snapshot has been loaded and not been contradicted since."""
        return self._reply is not None

    def distance(self, update_id: int) -> int:
        """How far an update id is from the newest one seen; tells whose a bare snapshot is."""
        return abs(self._waiting[-1].u - update_id) if self._waiting else 0

    def load(self, reply: DepthReply) -> None:
        """Start from a snapshot and apply what waited for it."""
        self._bids = WireSide(reply.bids, descending=True)
        self._asks = WireSide(reply.asks, descending=False)
        self._reply = DepthReply(reply.last_update_id, reply.E, reply.T)
        self._joined = False
        waited, self._waiting = self._waiting, deque(maxlen=WAITING)
        for diff in waited:
            self.receive(diff)

    def receive(self, diff: Diff) -> None:
        """Apply the next delta, or keep it until a snapshot comes."""
        if self._reply is None:
            self._waiting.append(diff)
        elif self._follows(diff, self._reply.last_update_id):
            self._bids.change(diff.b)
            self._asks.change(diff.a)
            self._reply = DepthReply(diff.u, diff.E, diff.T)
            self._joined = True
        elif diff.u > self._reply.last_update_id:
            self._reply = None
            self._waiting.append(diff)

    def reply(self, limit: int | None) -> DepthReply | None:
        """Answer as the venue's REST would, with at most `limit` levels a side."""
        now = self._reply
        if now is None:
            return None
        times = (now.E, now.T) if self._usdm else (0, 0)
        bids, asks = self._bids.best(limit), self._asks.best(limit)
        return DepthReply(now.last_update_id, *times, bids, asks)

    def _follows(self, diff: Diff, last: int) -> bool:
        if not self._usdm:
            return diff.U <= last + 1 <= diff.u
        if self._joined:
            return diff.pu == last
        return diff.U <= last <= diff.u or diff.pu == last


class BinanceBooks:
    """All books of one Binance venue.

    A bare snapshot names no symbol: it belongs to the book that waits for one and whose update ids
    are nearest. Where a symbol comes on several diff streams the first one seen is read.
    """

    def __init__(self, venue: Venue) -> None:
        self._usdm = venue is Venue.BINANCE_USDM
        self._books: dict[str, DiffBook] = {}
        self._unclaimed: list[DepthReply] = []

    def receive(self, payload: bytes) -> None:
        """Take one raw frame; frames that change no book, or cannot be read, are ignored.

        A book that lost a delta that way finds the gap at the next one.
        """
        with suppress(msgspec.MsgspecError):
            if b'"depthUpdate"' in payload:
                message = _message.decode(payload)
                if message.stream.partition("@")[2] in DIFF_KINDS:
                    self._receive_diff(message.stream, _diff.decode(message.data))
            elif b'"lastUpdateId"' in payload and not _message.decode(payload).stream:
                self._receive_snapshot(_reply.decode(payload))

    def snapshot(self, symbol: str, limit: int | None = None) -> bytes | None:
        """Return the REST depth reply at the last update id seen, or None before there is one."""
        book = self._books.get(symbol)
        reply = book.reply(limit) if book else None
        return msgspec.json.encode(reply) if reply else None

    def _receive_diff(self, stream: str, diff: Diff) -> None:
        book = self._books.get(diff.s)
        if book is None:
            book = self._books[diff.s] = DiffBook(stream, usdm=self._usdm)
            if self._unclaimed:
                book.load(self._unclaimed.pop(0))
        if book.stream == stream:
            book.receive(diff)

    def _receive_snapshot(self, reply: DepthReply) -> None:
        waiting = [book for book in self._books.values() if not book.ready]
        if waiting:
            min(waiting, key=lambda book: book.distance(reply.last_update_id)).load(reply)
        elif not self._books:
            self._unclaimed.append(reply)
