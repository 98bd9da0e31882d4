"""Bad input to a command is one clear line on stderr and exit 2, never a traceback."""

import os
from collections.abc import Iterator

import pytest
import structlog

from cloud_marketdata.cli import run


@pytest.fixture(autouse=True)
def logs_of_their_own() -> Iterator[None]:
    """A command sets up logging for its process, which here is everybody's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize(
    "line",
    [
        "bogus",
        "config --bad",
        "replay --venue nope x",
        "replay --venue binance-usdm",
        "replay --venue binance-usdm no-such-capture",
        "replay --venue binance-usdm --instruments no-such-file x",
        "simulate --venue bybit-spot",
        "simulate --venue bybit-spot --synthetic --speed quick",
        "demo --port 99999",
        "run --port 99999",
        "run --host 0.0.0.0",
        "run --config no-such-file.toml",
        "mcp --url garbage",
        "mcp --no-stdio",
        "record --venue binance-spot --symbols BTCUSDT --output /proc/nope",
    ],
)
def test_bad_input_is_one_line_and_exit_2(line, capsys):
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("marketdata: ")


def test_a_setting_that_is_no_json_is_one_line_and_exit_2(capsys, monkeypatch):
    monkeypatch.setenv("MARKETDATA_SYMBOLS", "garbage")
    assert run(["config"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_reader_that_has_seen_enough_ends_a_command_without_a_traceback(monkeypatch, capsys):
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        assert run(["config"]) == 141
    assert capsys.readouterr().err == ""
