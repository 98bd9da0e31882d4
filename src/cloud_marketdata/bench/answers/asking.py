"""One asker on one connection: what each answer takes, from the request to the last byte."""

import http.client
from collections.abc import Iterable
from statistics import quantiles
from time import perf_counter
from typing import NamedTuple

from cloud_marketdata.bench.answers.serving import Server
from cloud_marketdata.bench.answers.spent import cpu_s
from cloud_marketdata.core.errors import StorageError

_OK = 200
_PATIENCE_S = 60.0


class Spread(NamedTuple):
    """Milliseconds that answers took, what one cost the server's CPU, and the largest's bytes."""

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    most_bytes: int


class Asker:
    """Asks a server of loopback."""

    def __init__(self, server: Server) -> None:
        self._pid = server.pid
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_PATIENCE_S)

    def ask(self, path: str) -> bytes:
        """Return the answer; raises StorageError where it is none."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != _OK:
            msg = f"{path}: {answer.status} {body[:200]!r}"
            raise StorageError(msg)
        return body

    def spread(self, paths: Iterable[str]) -> Spread:
        """Ask one after the other and tell how long that took."""
        # Between two spreads the server may have hung up on an idle connection.
        self._connection.close()
        self._connection.connect()
        took, most, before = [], 0, cpu_s(self._pid)
        for path in paths:
            began = perf_counter()
            body = self.ask(path)
            took.append((perf_counter() - began) * 1000)
            most = max(most, len(body))
        spent_ms = (cpu_s(self._pid) - before) * 1000 / len(took)
        cuts = quantiles(took if len(took) > 1 else took * 2, n=100, method="inclusive")
        return Spread(round(cuts[49], 2), round(cuts[98], 2), round(spent_ms, 2), most)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
