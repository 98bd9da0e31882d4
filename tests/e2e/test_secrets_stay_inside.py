"""A running service with planted secrets, shown them in every wrong place: nothing tells them."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import redis
from processes import COMMAND, NO_TLS, SLOW_S, eventually
from websockets.sync.client import connect

from cloud_marketdata.domain.values import Venue
from servers.redis import RedisServer

STORE, OTHER, PEPPER, CHAIN = (
    "st0re-pl4nted",
    "0ther-pl4nted",
    "p3pper-pl4nted-x",
    "ch4in-pl4nted-xy",
)


@pytest.fixture(scope="module")
def guarded_redis(tmp_path_factory) -> Iterator[RedisServer]:
    """A Redis that wants a password."""
    with RedisServer(tmp_path_factory.mktemp("redis"), "--requirepass", STORE) as server:
        yield server


@contextmanager
def running(env: dict[str, str], told: Path) -> Iterator[str]:
    """Run the service with all that it tells in one file; yields its URL, ends it in order."""
    with told.open("w") as file:
        process = subprocess.Popen(
            [*COMMAND, "run", "--port", "0"], stdout=file, stderr=file, env=env
        )
    try:

        def url() -> str | None:
            lines = [line for line in told.read_text().splitlines() if "listening on " in line]
            assert process.poll() is None, told.read_text()
            return lines[0].split()[-1] if lines else None

        yield eventually(url)
    finally:
        process.terminate()
        process.wait(60)


def show_everywhere(url: str, key: str, other: str) -> None:
    """Show keys wherever they do not belong."""
    good = {"Authorization": f"Bearer {key}"}
    call = {"name": "get_markets", "arguments": {"venue": other}}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    wish = {"owner": other, "scopes": ["market:read"], "networks": [other]}
    with httpx2.Client(timeout=SLOW_S, trust_env=False, verify=NO_TLS) as client:
        client.get(f"{url}/v1/markets?key={other}")
        client.get(f"{url}/v1/markets?{other}")
        client.get(f"{url}/v1/markets/binance-spot/{other}/trades", headers=good)
        client.get(f"{url}/v1/markets", headers={"X-API-Key": f"{other[:-1]}0"})
        client.get(f"{url}/v1/markets", headers={**good, "User-Agent": other, "Cookie": other})
        client.get(f"{url}/v1/markets", headers={**good, "X-Request-ID": other, "Origin": other})
        client.get(f"{url}/v1/markets", headers={**good, "X-Forwarded-For": other})
        client.get(f"{url}/v1/markets?cursor=redis://me:{STORE}@host", headers=good)
        client.post(f"{url}/v1/keys", json=wish, headers=good)
        accepted = {"Accept": "application/json, text/event-stream"}
        client.post(f"{url}/mcp", json=rpc, headers={**good, **accepted})
    with connect(f"{url.replace('http', 'ws')}/v1/stream", proxy=None) as socket:
        for text in ({"op": "auth", "key": other[:-1]}, {"op": other}, {"op": "auth", "key": key}):
            socket.send(json.dumps(text))
            socket.recv(SLOW_S)
        channel = {"name": "trades", "venue": other, "symbol": other}
        socket.send(json.dumps({"op": "subscribe", "channels": [channel]}))
        socket.recv(SLOW_S)


def made(env: dict[str, str], *scopes: str) -> str:
    """Make a key beside the service."""
    line = [*COMMAND, "keys", "create", "--owner", "me", "--scope", *scopes]
    return subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_no_secret_is_told_by_log_audit_health_or_file(guarded_redis, tmp_path):
    folder, told = tmp_path / "data", tmp_path / "told"
    env = {
        **os.environ,
        "MARKETDATA_DATA_DIR": str(folder),
        "MARKETDATA_REDIS_URL": guarded_redis.url.replace("//", f"//default:{STORE}@"),
        "MARKETDATA_KEY_PEPPERS": json.dumps({"now": PEPPER}),
        "MARKETDATA_AUDIT_KEY": CHAIN,
        "MARKETDATA_REQUIRE_KEYS": "always",
        "MARKETDATA_SYMBOLS": json.dumps({venue: [] for venue in Venue}),
        "MARKETDATA_STORE_TIMEOUT_S": "0.5",
        "MARKETDATA_LOG_LEVEL": "debug",
    }
    with running(env, told) as url:
        key = made(env, "market:read", "stream:read", "keys:admin", "audit:read", "metrics:read")
        other = made(env, "market:read")
        show_everywhere(url, key, other)
        with redis.Redis.from_url(env["MARKETDATA_REDIS_URL"]) as client:
            client.config_set("requirepass", OTHER)
            client.client_kill_filter(skipme=True, _type="normal")

        def health() -> str | None:
            answer = httpx2.get(
                f"{url}/health",
                headers={"Authorization": f"Bearer {key}"},
                timeout=SLOW_S,
                trust_env=False,
                verify=NO_TLS,
            )
            return answer.text if '"redis":"ok"' not in answer.text.replace(" ", "") else None

        seen = eventually(health, 60)
        audited = httpx2.get(
            f"{url}/v1/audit?limit=1000",
            headers={"Authorization": f"Bearer {key}"},
            timeout=SLOW_S,
            trust_env=False,
            verify=NO_TLS,
        ).text
    texts = {"log": told.read_text(), "health": seen, "audit": audited}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            texts[str(path.relative_to(folder))] = path.read_bytes().decode("latin-1")
    planted = (STORE, OTHER, PEPPER, CHAIN, key[18:], other[18:-1])
    accused = [
        (name, secret) for name, text in texts.items() for secret in planted if secret in text
    ]
    assert accused == []
    assert other[9:17] in audited
    assert "key_in_query" in audited
    assert "WRONGPASS" in texts["log"] + seen or "invalid username-password" in texts["log"] + seen
