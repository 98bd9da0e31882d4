"""A real service tells the figures that the page promises, and nothing else of ours."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from processes import NO_TLS, SLOW_S, eventually, serving, settings, simulating, started
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cloud_marketdata.core.telemetry.catalogue import METRICS

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.MULTILINE)
ALWAYS = {"always", "collects", "processes", "serves", "answers", "shares work"}
VENUE = "binance-spot"
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


def get(url: str, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(url + path, headers=headers, timeout=SLOW_S, trust_env=False, verify=NO_TLS)


def names(text: str) -> set[str]:
    """Return what is told, by the names that PromQL knows."""
    families = text_string_to_metric_families(text)
    told = {(family.name, family.type) for family in families if family.samples}
    return {f"{name}_total" if kind == "counter" else name for name, kind in told}


def value(url: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of this name that have these labels."""
    families = text_string_to_metric_families(get(url, "/metrics").text)
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture(scope="module")
def market() -> Iterator[int]:
    with simulating("--venue", VENUE, "--synthetic", "--seed", 1, "--symbols", "BTCUSDT") as port:
        yield port


def test_all_that_is_promised_is_told_and_read_by_prometheus(market, tmp_path):
    env = settings([VENUE], ["BTCUSDT"], market, tmp_path / "data")
    with serving(env) as (_, url):
        eventually(lambda: value(url, "cmd_trades_total", symbol="BTCUSDT"))
        eventually(lambda: get(url, "/ready").status_code == 200)
        told = dict(ROW.findall(PAGE.read_text()))
        promised = {name for name, when in told.items() if when in ALWAYS}

        def nothing_is_missing() -> bool:
            assert promised - names(get(url, "/metrics").text) == set()
            return True

        eventually(nothing_is_missing, 30)

        body = get(url, "/metrics")
        ours = {name for name in names(body.text) if name.startswith("cmd_")}
        assert ours <= METRICS.keys()
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=body.content, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
        families = openmetrics.text_string_to_metric_families(
            get(url, "/metrics", **OPENMETRICS).text
        )
        assert {family.name for family in families} >= {"cmd_trades", "process_cpu_seconds"}


def ask_garbage(url: str, times: int) -> None:
    """Ask what there is not, each time something else, by another agent."""
    with httpx2.Client(base_url=url, timeout=SLOW_S, trust_env=False, verify=NO_TLS) as client:
        for at in range(times):
            agent = {"User-Agent": f"garbage/{at}-{times}"}
            client.get(f"/v1/markets/moon/X{at}-{times}/trades", headers=agent)
            client.get(f"/{at}/{times}", headers=agent, params={f"p{at}": "1"})
            client.request(f"M{at}X{times}", f"/v1/keys/{at}", headers=agent)


def lines(url: str, requests: int) -> int:
    """Return how many lines are told, once so many requests are counted."""
    told = eventually(lambda: value(url, "cmd_http_requests_total") >= requests)
    assert told
    return len(get(url, "/metrics").text.splitlines())


def test_garbage_from_outside_makes_no_series(market, tmp_path):
    with serving(settings([VENUE], [], market, tmp_path / "data")) as (_, url):
        eventually(lambda: get(url, "/ready").status_code == 200)
        ask_garbage(url, 2)
        before = lines(url, 6)
        ask_garbage(url, 60)
        # A component may meanwhile have told a first figure of its own.
        assert lines(url, 180) <= before + 10


def test_who_collects_tells_his_figures_and_says_so_when_he_stops(market, tmp_path):
    env = settings([VENUE], ["BTCUSDT"], market, tmp_path / "data", MARKETDATA_OPS_PORT="0")
    with started("run", "--role", "collect", env=env) as process:
        word, url = process.stdout.readline().split(" on ")
        assert word == "operations"
        url = url.strip()
        eventually(lambda: value(url, "cmd_trades_total", symbol="BTCUSDT"))
        assert get(url, "/live").json() == {"live": True}
        assert eventually(lambda: get(url, "/ready").json()["ready"])
        assert get(url, "/health").json()["collectors"]["binance"] == "connected"
        assert get(url, "/v1/markets").status_code == 404
        assert value(url, "cmd_build_info", role="collect") == 1

        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_stranger_may_not_read_figures_but_ask_whether_it_lives(market, tmp_path):
    env = settings([VENUE], [], market, tmp_path / "data", MARKETDATA_OPS_PORT="0")
    env["MARKETDATA_REQUIRE_KEYS"] = "always"
    with started("run", "--role", "process", env=env) as process:
        url = process.stdout.readline().split()[-1]
        assert get(url, "/live").status_code == 200
        assert get(url, "/ready").status_code in {200, 503}
        assert get(url, "/metrics").json()["code"] == "key_missing"
