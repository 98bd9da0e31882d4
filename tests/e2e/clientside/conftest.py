"""The demo that these tests ask: the whole service beside its simulator, one for each file.

It takes half a core all the while, so it ends with the file.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from processes import ask, eventually, started

from servers.program import free_port

sys.path.insert(0, str(Path(__file__).parent))


class Demo(NamedTuple):
    """A running demo: its host and port, the simulator's, and its data folder."""

    address: str
    venues: str
    folder: Path

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://{self.address}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    port, folder = free_port(), tmp_path_factory.mktemp("demo")
    with started("demo", "--port", port, "--data-dir", folder) as process:
        first = process.stdout.readline()
        venues = re.search(r"on (127\.0\.0\.1:\d+)$", first.strip())
        assert venues, first
        running = Demo(f"127.0.0.1:{port}", venues[1], folder)
        eventually(lambda: ask(running.url, "/health")["status"] == "healthy")
        for venue in ("binance-usdm", "bybit-linear", "binance-spot", "bybit-spot"):
            market = f"/v1/markets/{venue}/BTCUSDT"
            eventually(lambda market=market: ask(running.url, f"{market}/trades")["data"])
            eventually(lambda market=market: ask(running.url, f"{market}/depth")["data"]["bids"])
        yield running
