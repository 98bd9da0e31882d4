"""Collectors that share the symbols of a venue, over a Redis and a simulated venue of their own."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from processes import COMMAND, eventually, settings
from rawlog import RawLog
from venuetape import Made, VenueTape

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import StreamKind
from servers.program import Program

LEASE_S: Final = 2.0
_FOLLOWED_MS: Final = 4_000
BREAKS: Final = {
    StatusKind.STARTED,
    StatusKind.TRADE_GAP,
    StatusKind.BOOK_GAP,
    StatusKind.BOOK_LOST,
}
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


class Collectors:
    """Processes of the role `collect`, by name; each has a data folder of its own."""

    def __init__(self, folder: Path, redis_url: str, venue: Venue, port: int, **more: str) -> None:
        self.venue = venue
        self.log = RawLog(redis_url)
        self.tapes = {symbol: VenueTape(venue, symbol, port) for symbol in SYMBOLS}
        self._folder = folder
        self._port = port
        self._programs: dict[str, Program] = {}
        self._more = {
            "MARKETDATA_REDIS_URL": redis_url,
            "MARKETDATA_LEASE_S": str(LEASE_S),
            "MARKETDATA_LOG_LEVEL": "info",
            **more,
        }

    def __getitem__(self, name: str) -> Program:
        """Return a process, which has not been started where it is new."""
        if name not in self._programs:
            data = self._folder / name
            env = settings([self.venue], SYMBOLS, self._port, data, **self._more)
            variables = [f"{key}={value}" for key, value in env.items()]
            command = ["env", *variables, *COMMAND, "run", "--role", "collect"]
            self._programs[name] = Program(name, self._folder, command, bool)
        return self._programs[name]

    def end(self) -> None:
        """End every process for good."""
        for program in self._programs.values():
            program.kill()
        self.log.close()

    def owners(self) -> Mapping[str, str]:
        """Return whose each symbol is, by the leases that have not ended."""
        return self.log.collectors(self.venue, SYMBOLS)

    def names(self) -> dict[str, str]:
        """Return the names of the processes by what they are called among the others."""
        found = {name: self._folder / name / "collector.id" for name in self._programs}
        return {path.read_text(): name for name, path in found.items() if path.exists()}

    def split(self) -> dict[str, int]:
        """Return how many symbols each process has."""
        names, split = self.names(), dict.fromkeys(self._programs, 0)
        for holder in self.owners().values():
            split[names[holder]] += 1
        return split

    def shadowed(self) -> bool:
        """Whether every symbol has been followed for a while by one who does not collect it."""
        return self.log.now_ms() - self._settled_ms() > _FOLLOWED_MS

    def breaks(self, since_ms: int) -> list[tuple[str, str]]:
        """Return symbol and kind of every fact from a time on that tells of a break."""
        return [
            (fact.symbol, fact.kind.value)
            for fact in self._facts()
            if fact.kind in BREAKS and fact.received_at > since_ms * NS_PER_MS
        ]

    def _facts(self) -> Iterator[StatusEvent]:
        for stream in self.log.streams(StreamKind.STATUS):
            for _, facts in self.log.records(stream):
                yield from facts

    def _settled_ms(self) -> int:
        begun = (f.received_at for f in self._facts() if f.kind is StatusKind.BOOK_SYNCED)
        return max(begun, default=self.log.now_ms() * NS_PER_MS) // NS_PER_MS

    def lost(self) -> dict[str, list[Made]]:
        """Return the trades that are missing in the log; asserts that none stands there twice."""
        found = {}
        for stream in self.log.streams(StreamKind.TRADES):
            tape = self.tapes[stream.symbol]
            logged = [trade for _, trades in self.log.records(stream) for trade in trades]
            # Afterwards, or what came meanwhile would be taken for what was never made.
            tape.look()
            found[stream.symbol] = tape.lost(logged)
        assert sorted(found) == sorted(SYMBOLS)
        return {symbol: lost for symbol, lost in found.items() if lost}


@contextmanager
def collectors(
    folder: Path, redis_url: str, venue: Venue, port: int, **more: str
) -> Iterator[Collectors]:
    """Yield collectors of a simulated venue whose trades are all taken notice of."""
    sharing = Collectors(folder, redis_url, venue, port, **more)
    with ExitStack() as stack:
        stack.callback(sharing.end)
        for tape in sharing.tapes.values():
            eventually(lambda tape=tape: tape.look() or tape.made)
            if not venue.contiguous_ids:
                # A venue that tells them all whenever it is asked shall not be asked too often.
                stack.enter_context(tape.followed())
        yield sharing
