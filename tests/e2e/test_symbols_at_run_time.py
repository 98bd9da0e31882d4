"""Symbols come and go in a running service: by admin calls, by SIGHUP and by their rank."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from processes import ask, eventually, settings, simulating, started

VENUE = "binance-spot"
LINEAR = "bybit-linear"
ADMIN = "/v1/admin/symbols"
PLAYED = [part for symbol in ("BTCUSDT", "ETHUSDT") for part in ("--symbols", symbol)]


def change(method: str, url: str, symbol: str) -> httpx2.Response:
    path = f"{url}{ADMIN}/{VENUE}/{symbol}"
    return httpx2.request(method, path, timeout=20, trust_env=False)


def trades(url: str, symbol: str, venue: str = VENUE) -> list[dict[str, Any]]:
    return ask(url, f"/v1/markets/{venue}/{symbol}/trades", limit=10)["data"]


def depth(url: str, symbol: str) -> tuple[int, str]:
    path = f"{url}/v1/markets/{VENUE}/{symbol}/depth"
    answer = httpx2.get(path, timeout=10, trust_env=False)
    return answer.status_code, answer.json().get("code", "")


def session(url: str) -> dict[str, Any]:
    """Return how the only connection of the venue stands."""
    pulses = ask(url, "/health")["detail"]["components"]
    [found] = [p["detail"]["sessions"] for p in pulses if p["detail"].get("venue") == VENUE]
    assert list(found) == ["stream"]
    return found["stream"]


@contextmanager
def running(port: int, folder: Path, config: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Run a service whose symbols stand in a file; tell its URL."""
    env = settings([VENUE, LINEAR], [], port, folder / "data")
    del env["MARKETDATA_SYMBOLS"]
    with started("run", "--port", 0, "--config", config, env=env) as process:
        yield process, process.stdout.readline().split()[-1]


def write(path: Path, *symbols: str, more: str = "") -> None:
    path.write_text(f"{more}\n[symbols]\n{VENUE} = {list(symbols)!r}\n".replace("'", '"'))


def test_a_symbol_comes_and_goes_while_the_other_one_is_not_touched(tmp_path):
    config = tmp_path / "settings.toml"
    write(config, "BTCUSDT")
    playing = ("--venue", VENUE, "--synthetic", "--seed", 1, *PLAYED)
    with simulating(*playing) as port, running(port, tmp_path, config) as (process, url):
        eventually(lambda: trades(url, "BTCUSDT"))
        eventually(lambda: depth(url, "BTCUSDT")[0] == 200)
        assert depth(url, "ETHUSDT") == (404, "unknown_market")
        before = session(url)

        added = change("PUT", url, "ETHUSDT")
        assert (added.status_code, added.json()["data"]["collected"]) == (
            200,
            ["BTCUSDT", "ETHUSDT"],
        )
        eventually(lambda: trades(url, "ETHUSDT"))
        eventually(lambda: depth(url, "ETHUSDT")[0] == 200)
        assert depth(url, "BTCUSDT")[0] == 200

        assert change("DELETE", url, "ETHUSDT").json()["data"]["collected"] == ["BTCUSDT"]
        eventually(lambda: depth(url, "ETHUSDT") == (409, "not_ready"))
        assert trades(url, "ETHUSDT")
        assert change("DELETE", url, "ETHUSDT").status_code == 404
        unlisted = change("PUT", url, "NOSUCH")
        assert (unlisted.status_code, unlisted.json()["code"]) == (404, "unknown_market")

        write(config, "BTCUSDT", "ETHUSDT")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: depth(url, "ETHUSDT")[0] == 200)

        after = session(url)
        assert after["reconnects"] == before["reconnects"] == 0
        eventually(lambda: session(url)["frames"] > after["frames"] > before["frames"])
        assert ask(url, "/health")["status"] == "healthy"


def test_what_is_ranked_is_collected_and_a_venue_can_lose_all_its_symbols(tmp_path):
    config = tmp_path / "settings.toml"
    write(config, "BTCUSDT")
    playing = ("--venue", VENUE, "--venue", LINEAR, "--synthetic", "--seed", 1, *PLAYED)
    with simulating(*playing) as port, running(port, tmp_path, config) as (process, url):
        eventually(lambda: ask(url, "/health")["status"] == "healthy")
        assert ask(url, "/health")["collectors"] == {"binance": "connected", "bybit": "idle"}

        write(config, more=f'[discover.{LINEAR}]\nquote = "USDT"\ntop = 2')
        process.send_signal(signal.SIGHUP)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            eventually(lambda symbol=symbol: trades(url, symbol, LINEAR))
        told = {row["venue"]: row for row in ask(url, ADMIN)["data"]}
        assert set(told[LINEAR]["discovered"]) == {"BTCUSDT", "ETHUSDT"}
        assert (told[LINEAR]["configured"], told[VENUE]["collected"]) == ([], [])
        idle = {"binance": "idle", "bybit": "connected"}
        health = eventually(lambda: (found := ask(url, "/health"))["collectors"] == idle and found)
        assert health["status"] == "healthy"
