"""Who probes a process is answered by it alone; who reads its figures needs a key for that."""

import asyncio
import gzip

import pytest
import zstandard
from doorstep import ASKING, OPEN, Doorstep, answered, bearer
from prometheus_client.parser import text_string_to_metric_families

from cloud_marketdata.api.ops.app import create_ops_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.limits.absence import Standby

AFAR = {"client": ("203.0.113.9", 50000)}
PROBES = {"/live": {"live": True}, "/ready": {"ready": False, "why": "starting"}}


@pytest.fixture
def _away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no store that says whose key it is, or what is left of a limit."""

    async def away(*_asked: object, **_named: object) -> None:
        msg = "away"
        raise StorageError(msg)

    monkeypatch.setattr(Standby, "take", away)
    monkeypatch.setattr(Keyring, "identify", away)


@pytest.mark.usefixtures("_away")
@pytest.mark.parametrize(("path", "told"), PROBES.items())
def test_a_probe_asks_no_store_whoever_asks_and_with_whatever_key(path, told):
    door = Doorstep(**OPEN, **ASKING)
    for headers in ((), bearer("cmd_live_aaaaaaaa_" + "x" * 38)):
        assert door.ask(path, headers=headers, **AFAR).json == told
        assert door.ask("/v1/markets", headers=headers, **AFAR).status == 503
    assert [event.key_id for event in door.events] == [""] * 4


def test_a_flood_of_probes_is_stopped_here_and_takes_nothing_of_the_other_limit():
    door = Doorstep(**OPEN, **ASKING, limit_per_ip=5)
    statuses = [door.ask("/live", **AFAR).status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert door.ask("/health", **AFAR).status == 200


def test_a_process_that_nobody_has_looked_at_is_not_ready():
    told = Doorstep().ask("/ready")
    assert (told.status, told.json) == (503, {"ready": False, "why": "starting"})
    assert told.headers["cache-control"] == "no-store"


def test_figures_are_for_who_may_read_them():
    door = Doorstep(**ASKING)
    assert door.ask("/metrics").refused == (401, "key_missing")
    reader = bearer(door.key(*(set(Scope) - {Scope.METRICS_READ})))
    assert door.ask("/metrics", headers=reader).refused == (403, "scope_missing")
    told = door.ask("/metrics", headers=bearer(door.key(Scope.METRICS_READ)))
    assert told.status == 200
    assert Doorstep().ask("/metrics").status == 200


@pytest.mark.parametrize(
    ("coding", "unpacked"), [("gzip", gzip.decompress), ("zstd", zstandard.decompress)]
)
def test_figures_are_compressed_for_who_can_read_that(coding, unpacked):
    door = Doorstep()
    asked = [(b"accept-encoding", coding.encode()), (b"accept", b"text/plain;version=0.0.4")]
    told = door.ask("/metrics", headers=asked)
    assert told.headers["content-encoding"] == coding
    assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {one.name for one in text_string_to_metric_families(unpacked(told.body).decode())}
    assert {"cmd_build_info", "process_cpu_seconds"} <= names


class Down:
    """A store that is away."""

    async def pulse(self) -> Pulse:
        """Say so."""
        return Pulse("storage", "redis", "down", ok=False, vital=True)


def test_a_process_that_serves_nobody_has_the_same_door_and_these_routes_alone():
    door = Doorstep(**ASKING)
    operations = Operations([Down()], door.settings, door.clock)
    app = create_ops_app(operations, door.guarded.edge, door.settings, door.clock)
    shown = bearer(door.key(*Scope))

    def status(path: str, headers: list = shown) -> int:
        door.app = app
        return door.ask(path, headers=headers).status

    assert [status(path, []) for path in ("/live", "/ready", "/health", "/metrics")] == [
        200,
        503,
        503,
        401,
    ]
    assert status("/metrics") == 200
    assert status("/v1/markets") == 404
    foreign = asyncio.run(answered(app, _scope(b"evil.example"), [b""]))
    assert foreign.status == 200  # any name will do where a key is asked for, as at the API
    assert [event.action for event in door.events] == [
        "GET /live",
        "GET /ready",
        "GET /health",
        "GET /metrics",
        "GET /metrics",
        "GET /v1/markets",
        "GET /live",
    ]


def _scope(host: bytes) -> dict[str, object]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/live",
        "query_string": b"",
        "headers": [(b"host", host)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 9464),
        "extensions": {},
    }
