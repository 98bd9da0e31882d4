"""The bench of answers runs whole and tells what it says it does; the figures are its reader's."""

import asyncio
import shutil

from cloud_marketdata.bench.answers import load
from cloud_marketdata.bench.answers.run import CASES, Plan, build, measure
from cloud_marketdata.core.clock import SystemClock


def test_every_case_is_asked_anew_and_again_and_three_servers_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    plan = Plan(trades=3_000, rounds=1, asks=2, seconds=1)
    asyncio.run(build(plan, tmp_path, SystemClock()))

    found = measure(plan, tmp_path)

    assert [(one["state"], one["span"], one["width"]) for one in found["latency"]] == CASES
    for one in found["latency"]:
        assert 0 < one["uncached"]["p50_ms"] <= one["uncached"]["p99_ms"]
        assert 0 < one["cached"]["p50_ms"] <= one["cached"]["p99_ms"]
        assert one["bytes"] > 1000
    assert found["load"]["client"] == "asyncio"
    for name in ("service", "bare_bytes", "with_model"):
        assert found["load"][name]["requests_per_s"] > 0
    assert found["load"]["connections"] == load.CONNECTIONS
