"""Both exchanges as simulator processes, and every trade that each of their markets has made.

Binance is asked by REST, which has all of them. Bybit's REST knows the newest sixty trades of a
spot market only, so there a client of the venue's own stream hears every one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from threading import Event, Thread
from typing import Any, Final, NamedTuple

from processes import eventually, simulating
from venuetape import Made, VenueTape
from websockets.sync.client import connect

from cloud_marketdata.domain.values import Exchange, Venue

_PING_S: Final = 15.0
MarketName = tuple[Venue, str]


class HeardTape(VenueTape):
    """All trades of a Bybit market since somebody began to listen."""

    def look(self) -> None:
        """Nothing is to be asked: they come by themselves."""

    def hear(self, row: Mapping[str, Any]) -> None:
        """Take a trade as the stream tells it."""
        size, time_ms = Decimal(row["v"]), int(row["T"])
        self.made[row["i"]] = Made(Decimal(row["p"]), size, time_ms, row["S"] == "Buy")


class Venues(NamedTuple):
    """Where the venues answer, and the tapes of their markets."""

    ports: Mapping[Venue, int]
    tapes: Mapping[MarketName, VenueTape]

    def look(self) -> None:
        """Take notice of what Binance has made; each page costs weight, so this is done rarely."""
        for tape in self.tapes.values():
            tape.look()

    def begun(self) -> bool:
        """Take notice, and return whether every market has traded."""
        self.look()
        return all(tape.made for tape in self.tapes.values())


@contextmanager
def venues(seed: int, symbols: Sequence[str], speed: float) -> Iterator[Venues]:
    """Run a simulator for each exchange, and remember all that it makes."""
    with ExitStack() as stack:
        ports: dict[Venue, int] = {}
        tapes: dict[MarketName, VenueTape] = {}
        for exchange in Exchange:
            members = [venue for venue in Venue if venue.exchange is exchange]
            named = [word for venue in members for word in ("--venue", venue)]
            listed = [word for symbol in symbols for word in ("--symbols", symbol)]
            options = ("--synthetic", "--seed", seed, "--speed", speed)
            port = stack.enter_context(simulating(*named, *listed, *options))
            for venue in members:
                ports[venue] = port
                kind = HeardTape if exchange is Exchange.BYBIT else VenueTape
                own = {symbol: kind(venue, symbol, port) for symbol in symbols}
                tapes |= {(venue, symbol): tape for symbol, tape in own.items()}
                if exchange is Exchange.BYBIT:
                    stack.enter_context(_listening(venue, own, port))
        found = Venues(ports, tapes)
        # From its first trade on: a tape that is empty still would begin with its newest page.
        eventually(found.begun)
        yield found


@contextmanager
def _listening(venue: Venue, tapes: Mapping[str, VenueTape], port: int) -> Iterator[None]:
    over, subscribed = Event(), Event()
    thread = Thread(target=_listen, args=(venue, tapes, port, subscribed, over))
    thread.start()
    try:
        assert subscribed.wait(30), f"{venue} does not let us listen"
        yield
    finally:
        over.set()
        thread.join()


def _listen(
    venue: Venue, tapes: Mapping[str, VenueTape], port: int, subscribed: Event, over: Event
) -> None:
    url = f"ws://127.0.0.1:{port}/v5/public/{venue.removeprefix('bybit-')}"
    # Nothing may be dropped on our side however busy the machine is.
    with connect(url, proxy=None, max_size=None, ping_interval=_PING_S, ping_timeout=None) as line:
        line.send(json.dumps({"op": "subscribe", "args": [f"publicTrade.{s}" for s in tapes]}))
        while not over.is_set():
            try:
                told = json.loads(line.recv(timeout=0.5))
            except TimeoutError:
                continue
            if told.get("op") == "subscribe":
                subscribed.set()
            for row in told.get("data", ()) if "topic" in told else ():
                tape = tapes[row["s"]]
                assert isinstance(tape, HeardTape)
                tape.hear(row)
