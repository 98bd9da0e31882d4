"""The whole service at work over real servers: two markets, watched from outside."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx2
import redis
from deployed import PATIENCE_S, Deployed, Market
from outage_servers import Servers
from outage_watch import Watch
from processes import eventually, simulating
from rawlog import RawLog, Witness
from venuetape import VenueTape

from cloud_marketdata.domain.values import Venue
from servers.program import until

SPEEDS: Final = {Venue.BINANCE_USDM: 6, Venue.BYBIT_LINEAR: 1}
SEED: Final = 20240808
# Where the tests of killed processes hurry.
_AS_EVER: Final = {"MARKETDATA_LEASE_S": "10", "MARKETDATA_SAVE_MS": "250"}
_RECOVERY_S: Final = 300
_OLD_MS: Final = 4_000
_MARKET: Final = f"/v1/markets/{Venue.BINANCE_USDM}/BTCUSDT"
QUESTIONS: Final = {
    "profile": f"{_MARKET}/volume-profile",
    "candles": f"{_MARKET}/candles?timeframe=1m",
    "trades": f"{_MARKET}/trades",
    "depth": f"{_MARKET}/depth",
    "coverage": f"{_MARKET}/coverage",
    "markets": "/v1/markets",
    "rejections": "/v1/rejections",
}


class ClusterLog(RawLog):
    """The raw log of a Redis Cluster."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.close()
        self._client = redis.RedisCluster.from_url(url)


class Stage(Deployed):
    """A deployment with an API; `watch` asks it all the time."""

    def __init__(
        self, folder: Path, servers: Servers, venues: dict[Venue, Market], **more: str
    ) -> None:
        super().__init__(folder, servers.places, venues, **_AS_EVER | more)
        self.servers = servers
        if "redis_cluster" in servers.places:
            self.log.close()
            self.log = ClusterLog(servers.places["redis_url"])
            self.witness = Witness(self.log)
        self.watch: Watch

    def begin(self, *, apart: bool) -> None:
        """Start the processes, one for everything or one a role; then there is a `watch`."""
        if apart:
            server = self.program("serve")
            self.launch(self.collector, self.worker, server)
        else:
            self.collector = self.worker = server = self.program("all")
            self.launch(server)
        self.watch = Watch(eventually(lambda: self._url(server), PATIENCE_S), QUESTIONS)

    @property
    def journalled(self) -> int:
        """How many bytes the journal's files have."""
        total = 0
        for path in self.data.glob("journal/*.journal"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def ask_for_the_past(self) -> None:
        """Ask from now on also for what was stored before any server went away."""
        self.made()
        times = [made.time_ms for made in self.venues[Venue.BINANCE_USDM].tape.made.values()]
        span = f"start={min(times)}&end={max(times) - _OLD_MS}"
        past = {
            "profile of the past": f"{_MARKET}/volume-profile?{span}",
            "candles of the past": f"{_MARKET}/candles?timeframe=1m&{span}",
            "trades of the past": f"{_MARKET}/trades?{span}",
            "coverage of the past": f"{_MARKET}/coverage?{span}",
        }
        self.watch.questions = {**self.watch.questions, **past}

    def fault(self, text: str) -> None:
        """Set a fault of the simulator's language at every venue, or with nothing end all."""
        for market in self.venues.values():
            faults = f"http://127.0.0.1:{market.port}/_faults"
            answer = (
                httpx2.post(faults, content=text, trust_env=False)
                if text
                else httpx2.delete(faults, trust_env=False)
            )
            answer.raise_for_status()

    def made(self) -> int:
        """Take notice of the venues' trades, and return how many there are by now."""
        self.look_at_venues()
        return sum(len(market.tape.made) for market in self.venues.values())

    def well(self, seconds: float = 2.0) -> bool:
        """Whether every answer of /health in the last seconds was a good one."""
        now = self.watch.clock.monotonic()
        beats = self.watch.between(now - seconds, now)
        return bool(beats) and all(beat.status == "healthy" for beat in beats)

    def await_fresh(self) -> None:
        """Return when trades that came from now on have been saved, in every market."""
        ends = until(self.log.ends, PATIENCE_S)

        self.wait_for(lambda: all(self.saved(stream) > end for stream, end in ends.items()))

    def wait_for(self, true: Callable[[], bool]) -> None:
        """Return when something is true; Bybit is not lost sight of meanwhile."""

        def looked() -> bool:
            self.made()
            return true()

        eventually(looked, _RECOVERY_S)

    def behind(self) -> int:
        """Return how many entries of the log are not in the aggregates yet."""
        total = 0
        for stream in self.log.ends():
            saved = self.saved(stream)
            after = f"{saved >> 20}-{saved & (1 << 20) - 1}".encode()
            total += sum(1 for _ in self.log.entries(stream, after))
        return total


@contextmanager
def staged(folder: Path, servers: Servers, *, apart: bool, **more: str) -> Iterator[Stage]:
    """Yield a service that is well and has folded trades of both markets."""
    with ExitStack() as stack:
        venues = {venue: stack.enter_context(_market(venue)) for venue in SPEEDS}
        stage = stack.enter_context(Stage(folder, servers, venues, **more))
        stage.look()
        stage.begin(apart=apart)
        stack.enter_context(stage.watch)
        stage.await_all_markets()
        eventually(stage.well, PATIENCE_S)
        stage.ask_for_the_past()
        yield stage


@contextmanager
def _market(venue: Venue) -> Iterator[Market]:
    options = ("--venue", venue, "--synthetic", "--seed", SEED, "--speed", SPEEDS[venue])
    with simulating(*options) as port:
        yield Market(port, VenueTape(venue, "BTCUSDT", port))
