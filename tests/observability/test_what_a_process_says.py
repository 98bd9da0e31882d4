"""A running service through start, faults and stop: its log is JSON, its figures are known ones.

Libraries' lines are meant too: whatever the process writes to stderr, somebody has to parse.
"""

import json
import time

import httpx2
import pytest
from processes import NO_TLS, eventually
from promql import exposed
from watched_service import Venue, service

from servers.program import HOST, free_port

# Told only by who has it: a cluster, a key, a certificate, a call of a tool, a gap.
_IN_ITS_TIME = {
    "cmd_mcp_tool_duration_seconds": "after a call",
    "cmd_key_days_to_expiry": "where there are keys",
    "cmd_tls_days_to_expiry": "where a certificate is shown",
    "cmd_journal_bytes": "over Redis",
    "cmd_journal_refused_total": "over Redis",
    "cmd_measures_failed_total": "after a bug",
    "cmd_coverage_ratio": "after the first look at the ledger",
    "cmd_rejections_total": "after the first one",
    "cmd_errors_total": "after the first one",
    "cmd_recovery_seconds": "after a first trouble",
}


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """All that a process wrote, and the last answer of /metrics before its stop."""
    folder = tmp_path_factory.mktemp("life")
    with Venue(folder / "venue", "binance-usdm") as venue:
        port = free_port()
        more = {"MARKETDATA_LOG_LEVEL": "debug"}
        process = service(folder, {venue.venue: venue}, port, more)
        with process:
            venue.fault("malformed any every=5; cut every=2s")
            eventually(lambda: sum(venue.struck()) > 5)
            venue.kill()
            time.sleep(3)
            raw = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n"
            httpx2.post(f"http://{HOST}:{port}/mcp", content=raw, trust_env=False, verify=NO_TLS)
            ask = f"http://{HOST}:{port}/v1/markets"
            httpx2.get(ask, trust_env=False, verify=NO_TLS)
            figures = httpx2.get(f"http://{HOST}:{port}/metrics", trust_env=False, verify=NO_TLS)
            process.stop()
        yield (folder / "service.out").read_text(), figures.text


def test_every_line_of_the_log_is_one_json_object(life):
    said, _ = life
    lines = [line for line in said.splitlines() if not line.startswith("listening on ")]
    told = [json.loads(line) for line in lines]

    assert {"event", "level", "timestamp"} <= set.intersection(*(set(one) for one in told))
    events = {one["event"] for one in told}
    assert {"link.connected", "service.stopped"} <= events
    assert "warning" in {one["level"] for one in told}


def test_a_running_service_tells_nothing_that_the_catalogue_does_not_have(life):
    _, figures = life
    known = exposed()
    for line in figures.splitlines():
        if line.startswith("#") or not line:
            continue
        name, _, rest = line.partition("{")
        labels = {pair.partition("=")[0] for pair in rest.rpartition("}")[0].split('",') if pair}
        name = name.split(" ")[0]
        assert name in known, line
        assert labels == known[name], line


def test_a_running_service_tells_what_rules_and_panels_ask_for(life):
    _, figures = life
    told = {line.split("{")[0].split(" ")[0] for line in figures.splitlines()}
    bare = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in told
    }
    wanted = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        for name in exposed()
    }

    assert wanted - bare - _IN_ITS_TIME.keys() == set()
