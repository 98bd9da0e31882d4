"""Collectors as processes over a real Redis: they split symbols, and each trade is logged once."""

from collections.abc import Iterator

import pytest
from processes import eventually, simulating
from sharing import LEASE_S, SYMBOLS, Collectors, collectors

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from servers.redis import RedisServer

_SLOW_S = 10
"""For starting a process, and for whatever else the machine does at the same time."""


@pytest.fixture
def sharing(tmp_path) -> Iterator[Collectors]:
    venue = Venue.BYBIT_LINEAR
    symbols = [word for symbol in SYMBOLS for word in ("--symbols", symbol)]
    options = ("--venue", venue, "--synthetic", "--seed", 3, *symbols)
    with (
        RedisServer(tmp_path / "redis") as redis,
        simulating(*options) as port,
        collectors(tmp_path, redis.url, venue, port, MARKETDATA_COLLECT_COPIES="2") as made,
    ):
        yield made


def test_a_killed_and_a_paused_collector_cost_nothing_and_a_stopped_one_no_moment(sharing):
    every = len(SYMBOLS)
    for name in ("a", "b"):
        sharing[name].launch()
    eventually(lambda: all(sharing.split().values()) and sum(sharing.split().values()) == every)
    eventually(sharing.shadowed, 30)

    clock = SystemClock()
    sharing["a"].kill()
    killed = clock.monotonic()
    eventually(lambda: sharing.split() == {"a": 0, "b": every})
    assert clock.monotonic() - killed < LEASE_S * 1.25 + 1 + _SLOW_S

    sharing["a"].launch()
    eventually(lambda: all(sharing.split().values()))
    sharing["b"].pause()
    eventually(lambda: sharing.split() == {"a": every, "b": 0})
    sharing["b"].resume()
    eventually(lambda: all(sharing.split().values()))

    before = sharing.log.now_ms()
    sharing["b"].stop(30)
    assert sharing.split() == {"a": every, "b": 0}
    assert sharing.breaks(before) == []
    sharing["a"].stop(30)
    assert sharing.lost() == {}
