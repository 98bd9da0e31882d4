"""The real service as a process between simulated venues and a real Prometheus."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
from processes import COMMAND, NO_TLS, settings
from watchtower import Watchtower

from servers.program import HOST, Program, free_port

_SPEED: Final = "1"
"""Faster, a market is ahead of the clock, and nothing of it could ever be late."""
_UNSEEN: Final = ssl.create_default_context()
"""For the question whether the service lives: whose certificate that is, Prometheus is to judge."""
_UNSEEN.check_hostname, _UNSEEN.verify_mode = False, ssl.CERT_NONE
_HASTY: Final = {
    "MARKETDATA_FIRST_MESSAGE_S": "2",
    "MARKETDATA_STALE_AFTER_S": "1",
    "MARKETDATA_BREAKER_FAILURES": "3",
    "MARKETDATA_BREAKER_RECOVERY_S": "2",
    "MARKETDATA_STORE_TIMEOUT_S": "1",
    "MARKETDATA_TICKER_EVERY_S": "5",
}


class Venue(Program):
    """A simulated venue, which can be killed and comes back at the same port."""

    def __init__(self, folder: Path, venue: str) -> None:
        self.venue = venue
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        market = ("--synthetic", "--seed", "3", "--speed", _SPEED, "--start-after", "0")
        command = (*COMMAND, "simulate", "--venue", venue, "--port", self.port, *market)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(f"venue-{venue}", folder, command, self.struck)

    def fault(self, text: str) -> None:
        """Set faults of the simulator's language; with nothing end all."""
        faults = f"{self.url}/_faults"
        if text:
            answer = httpx2.post(faults, content=text, trust_env=False, verify=NO_TLS)
        else:
            answer = httpx2.delete(faults, trust_env=False, verify=NO_TLS)
        assert answer.is_success, answer.text

    def struck(self) -> list[int]:
        """Return how often each fault has struck."""
        answer = httpx2.get(f"{self.url}/_faults", trust_env=False, verify=NO_TLS)
        return [row["struck"] for row in answer.json()["faults"]]


class Scene(NamedTuple):
    """What a test provokes, and who watches."""

    service: Program
    url: str
    venues: Mapping[str, Venue]
    tower: Watchtower
    folder: Path


@contextmanager
def scene(
    folder: Path, venues: Sequence[str], scrape: Mapping[str, Any] | None = None, **more: str
) -> Iterator[Scene]:
    """Run venues, the service that collects them, and Prometheus.

    scrape: what Prometheus must know beside the target. more: settings of the service.
    """
    with ExitStack() as stack:
        stage = {name: stack.enter_context(Venue(folder / name, name)) for name in venues}
        port = free_port()
        process = stack.enter_context(service(folder, stage, port, more))
        tower = stack.enter_context(Watchtower(folder / "prometheus", f"{HOST}:{port}", scrape))
        yield Scene(process, f"{_scheme(more)}://{HOST}:{port}", stage, tower, folder)


def service(
    folder: Path, venues: Mapping[str, Venue], port: int, more: Mapping[str, str]
) -> Program:
    """Return the service as a process that has not been started yet."""
    env = settings(list(venues), ["BTCUSDT"], 0, folder / "data", **{**_HASTY, **more})
    env["MARKETDATA_ENDPOINTS"] = _endpoints(venues)
    variables = [f"{name}={value}" for name, value in env.items()]
    command = ["env", *variables, *COMMAND, "run", "--port", str(port)]

    url = f"{_scheme(more)}://{HOST}:{port}/live"

    def live() -> None:
        httpx2.get(url, trust_env=False, verify=_UNSEEN).raise_for_status()

    return Program("service", folder, command, live)


def _scheme(more: Mapping[str, str]) -> str:
    return "https" if "MARKETDATA_TLS_CERTIFICATE" in more else "http"


def _endpoints(venues: Mapping[str, Venue]) -> str:
    places = (
        f'"{name}": {{"ws": "ws://{HOST}:{one.port}", "rest": "{one.url}"}}'
        for name, one in venues.items()
    )
    return f"{{{', '.join(places)}}}"
