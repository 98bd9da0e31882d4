"""What `marketdata record` keeps replays to the state of what was played."""

import json
import os
import subprocess

import pytest
from processes import COMMAND, DATA, listed, replayed, settings, simulating

CAPTURE = DATA / "usdm_btcusdt_20240808.gz"


def test_a_recording_over_real_sockets_replays_to_the_same_state(tmp_path):
    if not CAPTURE.exists():
        pytest.skip("the captures are not beside the repository")
    venue = "binance-usdm"
    to = ("--output", str(tmp_path), "--json")
    with simulating("--venue", venue, "--capture", CAPTURE, *listed(), "--speed", "max") as port:
        env = settings(
            [venue], ["BTCUSDT"], port, tmp_path, MARKETDATA_BINANCE_TRADE_STREAM="trade"
        )
        done = subprocess.run(
            (*COMMAND, "record", "--venue", venue, "--symbols", "BTCUSDT", "--seconds", "6", *to),
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=True,
        )
    told = json.loads(done.stdout)
    original, again = replayed(venue, CAPTURE), replayed(venue, told["file"])
    assert again["symbols"]["BTCUSDT"]["state_hash"] == original["symbols"]["BTCUSDT"]["state_hash"]
    assert again["symbols"]["BTCUSDT"]["book"]["gaps"] == 0
    assert again["symbols"]["BTCUSDT"]["book"]["state"] == "synced"
    assert told["rejected"] == {}
