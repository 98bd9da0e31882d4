"""A Binance venue on stage: which frame goes to whom, and what its REST knows by now.

From a recording of single trades `aggTrade` is served one for one. A diff stream the recording does
not hold gets the recorded one under its own name. The bare REST snapshots of a recording feed the
books and are never sent.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import Raw, Struct

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.binance_trades import BinanceTapes, event_of
from cloud_marketdata.simulator.connection import Connection, Delivery, Subscriptions
from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.simulator.shadow_binance import DIFF_KINDS
from cloud_marketdata.simulator.survey import Survey

TRADES: Final = ("trade", "aggTrade")
KINDS: Final = frozenset({*TRADES, *DIFF_KINDS, "bookTicker"})


class BinanceClient(Connection):
    """A client's socket and whether it wants the `{"stream", "data"}` wrapper."""

    combined: bool = True

    def framed(self, stream: str, data: bytes | Raw) -> bytes:
        """Return an event in the form this client wants."""
        if self.combined:
            return b'{"stream":"%b","data":%b}' % (stream.encode(), data)
        return bytes(data)

    def farewell(self, ms: int) -> bytes | None:
        """Return the event that tells of a shutdown."""
        return self.framed("!serverShutdown", b'{"e":"serverShutdown","E":%d}' % ms)


class _Message(Struct):
    stream: str = ""
    data: Raw = Raw()


Deliveries = Iterator[Delivery]
_message = msgspec.json.Decoder(_Message).decode


class BinanceVenue:
    """Spot or USD-M, as far as its recording has been played.

    `now` is a clock that never steps; `early` are the books to answer with before the recorded
    ones are reached.
    """

    def __init__(
        self,
        venue: Venue,
        held: Survey,
        now: Callable[[], float],
        early: ShadowBooks | None = None,
    ) -> None:
        self.venue = venue
        self.usdm = venue is Venue.BINANCE_USDM
        self.listings = held.listings
        self.subscriptions: Subscriptions[BinanceClient] = Subscriptions()
        self.tapes = BinanceTapes(held.streams, now)
        self._streams = held.streams
        self._books = ShadowBooks(venue)
        self._early = early
        self._unreached = set(held.listings)
        self._aliases = {stream: self._names(stream) for stream in held.streams}

    def offers(self, stream: str) -> bool:
        """Whether a stream can ever bring a message; any other is acknowledged and silent."""
        symbol, _, kind = stream.partition("@")
        listed = symbol.upper() in self.listings and symbol == symbol.lower()
        return stream in self._streams or (listed and kind in KINDS)

    def covered(self) -> bool:
        """Whether every trade and book stream of the recording has a subscriber."""
        return all(self._wanted(stream) for stream in self._streams)

    def depth(self, symbol: str, limit: int) -> bytes | None:
        """Return the REST depth reply, or None where the recording has no snapshot.

        Before the recorded snapshot has been reached it is the one that will join: the client's
        rule is to skip what lies before it.
        """
        reply = self._books.snapshot(symbol, limit)
        if reply is None and self._early and symbol in self._unreached:
            return self._early.snapshot(symbol, limit)
        return reply

    def snapshot(self, stream: str) -> bytes | None:
        """None: Binance sends no snapshot over its sockets."""
        del stream
        return None

    def deliveries(self, payload: bytes) -> Deliveries:
        """Take the next frame into books and tape; return what goes to whom, in order."""
        try:
            message = _message(payload)
            kind = message.stream.partition("@")[2]
            if not message.stream:
                self._reach(payload)
            elif kind in DIFF_KINDS:
                self._books.receive(payload)
            made = self._aggregated(message) if kind in TRADES else ()
        except msgspec.MsgspecError:
            return iter(())
        return iter((*self._as_recorded(message, payload), *made))

    def _as_recorded(self, message: _Message, payload: bytes) -> Deliveries:
        for name in self._aliases.get(message.stream, ()):
            for client in self.subscriptions.of(name):
                if name == message.stream and client.combined:
                    yield Delivery(client, name, payload)
                else:
                    yield Delivery(client, name, client.framed(name, message.data))

    def _aggregated(self, message: _Message) -> tuple[Delivery, ...]:
        """Put a trade on the tape and make the aggregate the recording does not hold."""
        trade = self.tapes.receive(message.stream, message.data)
        name = f"{message.stream.partition('@')[0]}@aggTrade"
        clients = self.subscriptions.of(name) if trade else ()
        if not trade or not clients:
            return ()
        data = msgspec.json.encode(event_of(trade, usdm=self.usdm))
        return tuple(Delivery(client, name, client.framed(name, data)) for client in clients)

    def _names(self, stream: str) -> tuple[str, ...]:
        """Return the names under which a recorded stream is served."""
        symbol, _, kind = stream.partition("@")
        diffs = [f"{symbol}@{kind}" for kind in DIFF_KINDS]
        held = [name for name in diffs if name in self._streams]
        if kind not in DIFF_KINDS or stream != held[0]:
            return (stream,)
        return (stream, *(name for name in diffs if name not in held))

    def _reach(self, payload: bytes) -> None:
        """Take a recorded REST snapshot, and note which symbols have had theirs."""
        self._books.receive(payload)
        self._unreached -= {s for s in self._unreached if self._books.snapshot(s, 1)}

    def _wanted(self, stream: str) -> bool:
        symbol, _, kind = stream.partition("@")
        group = next((kinds for kinds in (TRADES, DIFF_KINDS) if kind in kinds), ())
        return not group or any(f"{symbol}@{kind}" in self.subscriptions for kind in group)
