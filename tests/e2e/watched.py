"""One process of all roles over real servers, what `/health` says of it, and what it has stored."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from deployed import PATIENCE_S, Deployed
from own_servers import DATABASE, SECRET, OwnRedis, mongo_for
from processes import NO_TLS, eventually
from venues import Market
from verdict import judge

from cloud_marketdata.domain.values import Venue
from servers.bucket import Bucket
from servers.mongodb_users import GuardedMongo


class Fault(NamedTuple):
    """How a store begins to refuse and how that ends; `component` of `/health` is to say `told`."""

    begin: Callable[[], object]
    end: Callable[[], object]
    component: str
    told: str


class Service:
    """One process of all roles over real servers."""

    def __init__(self, deployed: Deployed, url: str) -> None:
        self.deployed = deployed
        self.url = url

    def pulses(self) -> dict[str, dict[str, Any]]:
        """Return what /health says of each component, well or not."""
        answer = httpx2.get(f"{self.url}/health", timeout=10, trust_env=False, verify=NO_TLS)
        assert SECRET not in answer.text
        body = answer.json()
        assert answer.status_code == (503 if body["status"] == "unhealthy" else 200)
        return {pulse["name"]: pulse for pulse in body["detail"]["components"]} | {"": body}

    def status(self) -> str:
        """Return the verdict on the whole."""
        return self.pulses()[""]["status"]

    def names(self, fault: Fault) -> bool:
        """Whether the fault's component is unwell and says why."""
        pulse = self.pulses()[fault.component]
        return not pulse["ok"] and fault.told in str(pulse["detail"])

    def well(self) -> bool:
        """Whether nothing is wrong."""
        return self.status() == "healthy"


@contextmanager
def running(
    folder: Path,
    venues: dict[Venue, Market],
    redis: OwnRedis,
    mongo: GuardedMongo,
    s3: Bucket,
    status: str = "healthy",
) -> Iterator[Service]:
    """Run it, and in the end hold all that is stored against what was made.

    status: what it reaches before the block begins.
    """
    places = {
        "redis_url": redis.url,
        "mongodb_url": mongo.url,
        "mongodb_database": DATABASE,
        **s3.settings(),
    }
    theirs = {
        "MARKETDATA_REDIS_URL": redis.url_of(),
        "MARKETDATA_MONGODB_URL": mongo_for(mongo)["mongodb_url"],
        "MARKETDATA_STORE_TIMEOUT_S": "2",
        "MARKETDATA_TIERING_EVERY_S": "1",
    }
    with Deployed(folder, places, venues, **theirs) as deployed:
        deployed.collector = deployed.worker = deployed.program("all")
        deployed.look()
        deployed.launch(deployed.collector)
        service = Service(deployed, eventually(lambda: _url(folder / "all.out"), PATIENCE_S))
        deployed.await_all_markets()
        eventually(lambda: service.status() == status, PATIENCE_S)
        yield service
        deployed.finish()
        judge(deployed, places)


def _url(output: Path) -> str | None:
    found = re.search(r"^listening on (\S+)$", output.read_text(errors="replace"), re.MULTILINE)
    return found and found[1]
