"""Each dependency stopped and started again: what /health and /metrics say of it, and then not."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx2
import pytest
from deployed import PATIENCE_S, Deployed
from outage_servers import Engine, servers
from processes import COMMAND, NO_TLS, SLOW_S, eventually
from scraping import Scrape
from venues import Market
from venuetape import VenueTape

from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.domain.values import Venue
from servers.program import Program, free_port

BRIEF: Final = {
    "status": "healthy",
    "collectors": {"bybit": "connected", "binance": "connected"},
    "storage": {"redis": "ok", "mongodb": "ok"},
    "uptime": "72h 15m 32s",
}
"""The answer that the project's brief gives as an example."""
UPTIME: Final = re.compile(r"\d+h [0-5]?\dm [0-5]?\ds")
VENUES: Final = (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
BADNESS: Final = {"healthy": 0, "degraded": 1, "unhealthy": 2}
IMPATIENT: Final = {
    "MARKETDATA_STORE_TIMEOUT_S": "1",
    "MARKETDATA_TIERING_EVERY_S": "1",
    "MARKETDATA_LEASE_S": "10",
    "MARKETDATA_SAVE_MS": "250",
}


class Loss(NamedTuple):
    """What is stopped, and how the service is then; `parts` are group and name of what is down."""

    words: str
    engines: tuple[str, ...]
    status: str
    code: int
    parts: tuple[tuple[str, str], ...]


LOSSES: Final = (
    Loss("one exchange", ("bybit",), "degraded", 200, (("collectors", "bybit"),)),
    Loss(
        "every exchange",
        ("binance", "bybit"),
        "unhealthy",
        503,
        (("collectors", "binance"), ("collectors", "bybit")),
    ),
    Loss("S3", ("s3",), "degraded", 200, (("tiers", "s3"),)),
    Loss("Redis", ("redis",), "unhealthy", 503, (("storage", "redis"),)),
    Loss("MongoDB", ("mongodb",), "unhealthy", 503, (("storage", "mongodb"),)),
)


class Told(NamedTuple):
    """One answer of /health."""

    code: int
    body: dict

    @classmethod
    def by(cls, url: str) -> "Told":
        """Ask."""
        answer = httpx2.get(f"{url}/health", trust_env=False, verify=NO_TLS, timeout=SLOW_S)
        return cls(answer.status_code, answer.json())

    def is_well(self, group: str, name: str) -> bool:
        """Whether all components of a name are."""
        found = [
            one["ok"]
            for one in self.body["detail"]["components"]
            if (one["group"], one["name"]) == (group, name)
        ]
        assert found, (group, name)
        return all(found)


class Stage(NamedTuple):
    """A service, and what it depends on by name."""

    url: str
    engines: dict[str, Engine]

    def healthy(self) -> bool:
        """Whether /health and /metrics say that nothing is wrong."""
        health = Told.by(self.url).body
        if (health["status"], health["collectors"]) != ("healthy", BRIEF["collectors"]):
            return False
        scrape = Scrape.of(self.url)
        return scrape.one(told.STATUS.name) == 0 and set(scrape.all(told.UP.name).values()) == {1}

    def is_told(self, loss: Loss) -> bool:
        """Whether /health and /metrics say of a loss what they should."""
        health, scrape = Told.by(self.url), Scrape.of(self.url)
        said = (health.code, health.body["status"], scrape.one(told.STATUS.name))
        return said == (loss.code, loss.status, BADNESS[loss.status]) and not any(
            health.is_well(*part) or scrape.one(told.UP.name, group=part[0], name=part[1])
            for part in loss.parts
        )

    def recoveries(self, parts: Sequence[tuple[str, str]]) -> list[float]:
        """Return how often each of the parts has recovered."""
        scrape = Scrape.of(self.url)
        name = f"{told.RECOVERY.name}_count"
        return [scrape.total(name, group=group, name=part) for group, part in parts]


@contextmanager
def venue(folder: Path, name: Venue) -> Iterator[tuple[Program, Market]]:
    """Run a venue that comes back at the same place."""
    port = free_port()
    market = ("--synthetic", "--seed", 8, "--speed", 4, "--port", port)
    url = f"http://127.0.0.1:{port}"
    command = [*COMMAND, "simulate", "--venue", name, *market]
    with Program(name, folder, command, lambda: httpx2.get(url, trust_env=False)) as program:
        yield program, Market(port, VenueTape(name, "BTCUSDT", port))


@pytest.fixture
def stage(redis_server, redis_url, mongodb_server, s3_server, tmp_path):
    """A service that is well, over one server a tier."""
    mongodb_server.start()
    s3_server.start()
    found = servers(redis_server, mongodb_server, s3_server)
    places = {**found.places, "redis_url": redis_url}
    with ExitStack() as stack:
        made = {one: stack.enter_context(venue(tmp_path, one)) for one in VENUES}
        markets = {one: market for one, (_, market) in made.items()}
        venues = {one.exchange.value: program for one, (program, _) in made.items()}
        deployed = stack.enter_context(Deployed(tmp_path, places, markets, **IMPATIENT))
        service = deployed.program("all")
        deployed.launch(service)
        url = eventually(lambda: deployed._url(service), PATIENCE_S)
        made_here = Stage(url, {**found.engines, **venues})
        eventually(made_here.healthy, PATIENCE_S)
        yield made_here
        for engine in made_here.engines.values():
            engine.start()
        service.stop(PATIENCE_S)


def test_health_is_what_the_brief_shows_and_each_loss_is_told_and_ends(stage):
    health = Told.by(stage.url)
    assert health.code == 200
    assert list(health.body)[: len(BRIEF)] == list(BRIEF)
    assert {key: health.body[key] for key in BRIEF if key != "uptime"} == {
        key: value for key, value in BRIEF.items() if key != "uptime"
    }
    assert UPTIME.fullmatch(BRIEF["uptime"])
    assert UPTIME.fullmatch(health.body["uptime"])

    for loss in LOSSES:
        before = stage.recoveries(loss.parts)
        for name in loss.engines:
            stage.engines[name].stop()
        eventually(lambda loss=loss: stage.is_told(loss), PATIENCE_S)
        assert httpx2.get(f"{stage.url}/live", trust_env=False).status_code == 200
        assert stage.recoveries(loss.parts) == before
        for name in loss.engines:
            stage.engines[name].start()
        eventually(stage.healthy, PATIENCE_S)
        eventually(
            lambda loss=loss, before=before: all(
                now > was for now, was in zip(stage.recoveries(loss.parts), before, strict=True)
            ),
            PATIENCE_S,
        )
