"""Connections that die or grow old while a capture is played: nothing lost, nothing twice.

Twins carry every stream twice, and a connection that is old is relieved before it is closed. In
both cases the book has to stay in sync throughout, as it is published.
"""

from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import Self

import httpx2
import pytest
from processes import NO_TLS, SLOW_S, eventually, serving
from served import (
    Line,
    assert_exact,
    collector,
    each_once,
    line,
    records,
    trades_heard,
)
from truth import SPOT, USDM, Market

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.storage.ports import StreamKind

POLL_S = 0.1
LEAST_KILLS = 4
OUTRUN = "the price has left the range that the last snapshot knew"
SPEEDS = {SPOT: 60, USDM: 30}


class Watch:
    """Asks for the book ten times a second from its first sight on; counts the answers."""

    def __init__(self, url: str, market: Market) -> None:
        self.answers: Counter[str] = Counter()
        self._url = f"{url}{market.path}/depth"
        self._over = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Self:
        eventually(lambda: httpx2.get(self._url, trust_env=False, verify=NO_TLS).is_success)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with httpx2.Client(trust_env=False, timeout=SLOW_S) as client:
            while not self._over.wait(POLL_S):
                answer = client.get(self._url)
                told = "served" if answer.is_success else answer.json()["detail"]
                self.answers[told] += 1


def facts(folder: Path, market: Market) -> Counter[StatusKind]:
    """Count what was told of the market's streams."""
    told = records(folder, market.venue, StreamKind.STATUS)
    return Counter(
        event.kind for record in told for event in record.events if isinstance(event, StatusEvent)
    )


def reconnects(url: str, market: Market) -> int:
    sessions = collector(url, market.venue)["sessions"].values()
    return sum(session["reconnects"] for session in sessions)


def both_carry(url: str, market: Market) -> bool:
    """Whether each twin brings data, and has its book in sync if it carries the books."""
    sessions = collector(url, market.venue)["sessions"].items()
    assert len(sessions) in {2, 4}
    synced = [s["books"] == {"BTCUSDT": "synced"} for name, s in sessions if "trades" not in name]
    return all(synced) and all(session["live"] for _, session in sessions)


def assert_nothing_was_missing(url: str, served: Line, watch: Watch) -> None:
    assert_exact(url, served)
    refused = {answer for answer in watch.answers if answer != "served"}
    # Played faster than life, USD-M's price can outrun the thousand levels that its REST tells.
    assert not {why for why in refused if served.market is SPOT or OUTRUN not in why}
    assert watch.answers["served"] > 20


@pytest.mark.parametrize("market", [SPOT, pytest.param(USDM, marks=pytest.mark.long)])
def test_of_twins_that_are_killed_in_turn_one_always_carries_on(market, tmp_path):
    with line(market, speed=SPEEDS[market]) as served:
        env = served.env(tmp_path, MARKETDATA_HOT_HOT="true")
        with serving(env) as (_, url), Watch(url, market) as watch:
            eventually(lambda: trades_heard(url, served))
            kills = 0
            while not served.ended():
                if both_carry(url, market):
                    served.strike("cut client=oldest")
                    kills += 1
                    eventually(lambda: reconnects(url, market) >= kills)  # noqa: B023  called now
            assert kills >= LEAST_KILLS
            assert_nothing_was_missing(url, served, watch)
    assert each_once(tmp_path, market)
    # The book passed from one twin to the other, more than once.
    assert facts(tmp_path, market)[StatusKind.BOOK_SYNCED] > 2


@pytest.mark.parametrize("market", [SPOT, pytest.param(USDM, marks=pytest.mark.long)])
def test_connections_that_grow_old_are_relieved_without_a_seam(market, tmp_path):
    with line(market, speed=1.4 * SPEEDS[market]) as served:
        env = served.env(tmp_path, MARKETDATA_LIFETIME_HOURS=str(1 / 3600))
        with serving(env) as (_, url), Watch(url, market) as watch:
            eventually(served.ended)
            sessions = collector(url, market.venue)["sessions"].values()
            assert all(session["rotations"] > 0 for session in sessions)
            assert_nothing_was_missing(url, served, watch)
    assert each_once(tmp_path, market)
