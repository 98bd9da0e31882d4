"""The examples as a reader would start them, each against the running demo."""

import re
from decimal import Decimal

from shell import example


def test_the_profile_is_drawn_from_parquet(demo, tmp_path):
    picture = tmp_path / "profile.png"
    found = example("profile_plot.py", [demo.url, "--output", picture], tmp_path)

    assert found.returncode == 0, found.stderr
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    told = re.search(r"(\d+) rows, (\d+\.\d+) BTC, as of (\S+), (.+), (\d+) gaps$", found.stdout)
    assert told, found.stdout
    assert int(told[1]) > 1
    assert Decimal(told[2]) > 0
    title = picture.read_bytes()
    assert b"point of control" in title
    assert b"value area" in title
    assert told[3].encode() in title


def test_a_profile_that_is_refused_is_told_and_not_drawn(demo, tmp_path):
    found = example("profile_plot.py", [demo.url, "--symbol", "NONE"], tmp_path)

    assert found.returncode == 1
    assert "unknown_market" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bot_whose_market_is_not_there_ends_and_says_so(demo, tmp_path):
    url = f"ws://{demo.address}/v1/stream"
    found = example("bot.py", [url, "--symbol", "NONE"], tmp_path)

    assert found.returncode == 1
    assert "unknown_market" in found.stderr
    assert found.stdout == ""
