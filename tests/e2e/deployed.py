"""A deployment of several processes over real servers, and what it must have stored in the end.

The processes are `marketdata run --role …`, each with its output in a file, so that they can be
killed, paused and started one by one.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import pymongo
from processes import COMMAND, ask, eventually, settings
from rawlog import RawLog, Witness
from venues import Market

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream
from servers.program import Program

PATIENCE_S: Final = 90
"""For anything that happens in a second on a machine that has nothing else to do."""
_LISTENS: Final = "listening on "


class Deployed:
    """The processes of a deployment, the servers under it, and the venues before it."""

    def __init__(
        self, folder: Path, places: Mapping[str, str], venues: Mapping[Venue, Market], **more: str
    ) -> None:
        self.venues = venues
        self.log = RawLog(places["redis_url"])
        self.witness = Witness(self.log)
        self.launches: Counter[str] = Counter()
        self.data = folder / "data"
        self._folder = folder
        self._env = _environment(self.data, places, venues) | more
        self._mongo = pymongo.MongoClient(places["mongodb_url"])
        self.database = self._mongo[places["mongodb_database"]]
        self._programs: list[Program] = []
        self.collector = self.program("collect")
        self.worker = self.program("process")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._programs:
            program.kill()
        self.log.close()
        self._mongo.close()

    def program(self, role: str, name: str = "") -> Program:
        """Return a process that has not been started yet; it dies with the test."""
        variables = [f"{key}={value}" for key, value in self._env.items()]
        command = ["env", *variables, *COMMAND, "run", "--role", role]
        program = Program(name or role, self._folder, command, bool)
        self._programs.append(program)
        return program

    def launch(self, *programs: Program) -> None:
        """Start processes without waiting for what they do."""
        for program in programs:
            self.launches[program.name] += 1
            program.launch()

    def said(self, program: Program, event: str) -> int:
        """Return how often a process has logged an event, over all its lives."""
        path = self._folder / f"{program.name}.out"
        return path.read_text(errors="replace").count(f'"event": "{event}"')

    def marks(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what MongoDB holds of each market beside its aggregates."""
        found = self.database["markets"].find({})
        return {(one["venue"], one["symbol"]): one for one in found}

    def progress(self, program: Program) -> int:
        """Return a number that grows when the process does its work."""
        if program is self.collector:
            return sum(self.log.ends().values())
        return sum(market["saves"] for market in self.marks().values())

    def await_work(self, *programs: Program) -> None:
        """Return when each of the processes has done something from now on."""
        before = {program: self.progress(program) for program in programs}
        for program in programs:
            eventually(lambda p=program: self.progress(p) > before[p], PATIENCE_S)

    def await_all_markets(self) -> None:
        """Return when trades of every venue have been logged and folded."""
        eventually(lambda: len(self.log.ends()) == len(self.venues), PATIENCE_S)
        eventually(lambda: all(self.saved(stream) for stream in self.log.ends()), PATIENCE_S)

    def saved(self, stream: Stream) -> int:
        """Return the position up to which MongoDB has the market."""
        market = self.marks().get((stream.venue, stream.symbol))
        return market["position"] if market else 0

    def look(self) -> None:
        """Take notice of what the venues have made and what the log holds."""
        self.look_at_venues()
        self.witness.look()

    def look_at_venues(self) -> None:
        """Take notice of what the venues have made; for when Redis is away."""
        for market in self.venues.values():
            market.tape.look()

    def finish(self, *workers: Program) -> None:
        """Have every gap filled, end the load, have everything folded, and end the workers."""
        self._await_repairs()
        self.collector.stop(PATIENCE_S)
        assert self.said(self.collector, "service.not_written") == 0
        eventually(self._all_is_folded, PATIENCE_S)
        for worker in workers or (self.worker,):
            worker.stop(PATIENCE_S)
        assert self._all_is_folded()
        self.look()

    def _await_repairs(self) -> None:
        """Return when no market that can prove it misses a trade, as a third process tells."""
        server = self.program("serve")
        self.launch(server)
        url = eventually(lambda: self._url(server), PATIENCE_S)
        for venue, market in self.venues.items():
            if venue.contiguous_ids:
                market.tape.look()
                times = [made.time_ms for made in list(market.tape.made.values())]
                path = f"/v1/markets/{venue}/BTCUSDT/coverage"
                span = {"start": min(times), "end": max(times) + 1}
                eventually(
                    lambda path=path, span=span: (
                        ask(url, path, **span)["data"]["missing_trades"] == 0
                    ),
                    PATIENCE_S,
                )
        server.stop(PATIENCE_S)

    def _url(self, server: Program) -> str:
        printed = (self._folder / f"{server.name}.out").read_text(errors="replace")
        return next((line.split()[-1] for line in printed.splitlines() if _LISTENS in line), "")

    def _all_is_folded(self) -> bool:
        return all(self.saved(stream) == end for stream, end in self.log.ends().items())


def _environment(
    data: Path, places: Mapping[str, str], venues: Mapping[Venue, Market]
) -> dict[str, str]:
    endpoints = {
        venue: {"ws": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
        for venue, (port, _) in venues.items()
    }
    over = {f"MARKETDATA_{name.upper()}": value for name, value in places.items()}
    common = settings(list(venues), ["BTCUSDT"], 0, data)
    return {
        **common,
        **over,
        "MARKETDATA_ENDPOINTS": json.dumps(endpoints),
        "MARKETDATA_LOG_LEVEL": "info",
        # Nothing may leave the log: it is what everything is compared with.
        "MARKETDATA_HOT_MINUTES": "1440",
        # Short, so that the successor of a killed worker need not wait long.
        "MARKETDATA_LEASE_S": "2",
        # So that a worker is nearly always in the middle of a save.
        "MARKETDATA_SAVE_MS": "10",
        "MARKETDATA_PORT": "0",
    }
