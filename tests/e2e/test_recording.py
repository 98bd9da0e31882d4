"""What `marketdata record` keeps replays to the state of what was played, whatever came between."""

import json
import os
import resource
import signal
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from processes import COMMAND, DATA, eventually, listed, replayed, settings, simulating, started

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.record.names import plain, segments_of
from cloud_marketdata.simulator.capture import read_capture

CAPTURE = DATA / "usdm_btcusdt_20240808.gz"
VENUE = Venue.BINANCE_USDM
RECORD = ("record", "--venue", VENUE, "--symbols", "BTCUSDT", "--json")


@pytest.fixture(autouse=True)
def _captures() -> None:
    if not CAPTURE.exists():
        pytest.skip("the captures are not beside the repository")


def playing(speed: str) -> AbstractContextManager[int]:
    return simulating("--venue", VENUE, "--capture", CAPTURE, *listed(), "--speed", speed)


def environment(port: int, tmp_path: Path, **more: str) -> dict[str, str]:
    more |= {"MARKETDATA_BINANCE_TRADE_STREAM": "trade"}
    return settings([VENUE], ["BTCUSDT"], port, tmp_path, **more)


def recorded(env: Mapping[str, str], folder: Path, *options: object) -> dict[str, object]:
    """Record until the last trade of the capture is in a segment, then stop; return the report."""
    last = [f.payload for f in read_capture([CAPTURE]) if b'"e":"trade"' in f.payload[:60]][-1]

    def come() -> bool:
        try:
            return any(f.payload == last for f in read_capture(segments_of(folder, VENUE)[-4:]))
        except BadRequestError:
            # It is not there yet, or was packed between being listed and being read.
            return False

    with started(*RECORD, "--output", folder, *options, env=env) as process:
        eventually(come, 60)
        process.terminate()
        return json.loads(process.stdout.readline())


def test_a_recording_over_real_sockets_replays_to_the_same_state(tmp_path):
    with playing("max") as port:
        told = recorded(environment(port, tmp_path), tmp_path)
    original, again = (replayed(VENUE, path)["symbols"]["BTCUSDT"] for path in (CAPTURE, tmp_path))
    assert again["state_hash"] == original["state_hash"]
    assert again["book"]["gaps"] == 0
    assert again["book"]["state"] == "synced"
    assert again["duplicates"] == 0
    assert told["rejected"] == {}
    assert (told["segments"], told["packed"], told["first"]) == (1, 1, told["last"])


def test_relieved_connections_and_rotated_segments_replay_to_the_same_state(tmp_path):
    folder, joined = tmp_path / "captures", tmp_path / "joined"
    folder.mkdir()
    # Long enough for four lifetimes, of which a busy machine may manage two.
    with playing("40") as port:
        often = {"MARKETDATA_LIFETIME_HOURS": "0.0004", "MARKETDATA_HOT_HOT": "true"}
        told = recorded(environment(port, tmp_path, **often), folder, "--rotate-mb", 1)
    assert told["rotations"] >= 2
    assert told["reconnects"] == told["forgotten"] == told["left_plain"] == 0
    files = segments_of(folder, VENUE)
    assert len(files) == told["segments"] == told["packed"] > 5
    joined.write_bytes(b"".join(b"%d %s\n" % frame for frame in read_capture(files)))

    original, again, unrotated = (replayed(VENUE, path) for path in (CAPTURE, folder, joined))
    assert again == unrotated
    symbol = again["symbols"]["BTCUSDT"]
    assert symbol["state_hash"] == original["symbols"]["BTCUSDT"]["state_hash"]
    assert symbol["trade_gaps"] == []
    assert symbol["duplicates"] > 0
    assert symbol["book"]["resyncs"] <= told["rotations"]


def test_a_killed_recorder_loses_nothing_and_the_next_start_packs_what_it_left(tmp_path):
    with playing("20") as port:
        env = environment(port, tmp_path)
        arguments = (*RECORD, "--output", tmp_path)
        with started(*arguments, env=env) as killed:
            eventually(
                lambda: any(path.stat().st_size > 500_000 for path in plain(tmp_path, VENUE))
            )
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        [left] = plain(tmp_path, VENUE)
        frames = list(read_capture([left]))
        with started(*arguments, env=env) as second:
            eventually(lambda: left not in plain(tmp_path, VENUE))
            second.terminate()
            told = json.loads(second.stdout.readline())
    assert (told["segments"], told["packed"], told["left_plain"]) == (1, 2, 0)
    packed, _ = segments_of(tmp_path, VENUE)
    assert packed.name == f"{left.name}.zst"
    assert list(read_capture([packed])) == frames
    # Both together are one recording, with a proven hole where nobody recorded.
    gaps = replayed(VENUE, tmp_path)["symbols"]["BTCUSDT"]["trade_gaps"]
    assert len(gaps) <= 1


def test_a_full_disk_is_one_clear_error_and_what_was_written_replays(tmp_path):
    def limit() -> None:
        # The kernel refuses what goes beyond, in the middle of a line.
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    with playing("20") as port:
        done = subprocess.run(
            [*COMMAND, *RECORD, "--output", tmp_path, "--seconds", "60"],
            env={**os.environ, **environment(port, tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limit,
        )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"marketdata: cannot write to {tmp_path}")
    assert line.endswith("frames before that are kept")
    [left] = plain(tmp_path, VENUE)
    assert left.read_bytes().endswith(b"}\n")
    assert replayed(VENUE, tmp_path)["symbols"]["BTCUSDT"]["trade_gaps"] == []
