"""Simulated venues whose every trade is remembered, each a process of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from processes import simulating
from venuetape import VenueTape

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import NS_PER_MS, Venue

# Bybit tells its last thousand trades only: at its speed they last for half a minute.
_SPEEDS: Final = {Venue.BINANCE_SPOT: 6, Venue.BINANCE_USDM: 6, Venue.BYBIT_LINEAR: 1}
_HOUR_MS: Final = 3_600_000
_BEFORE_MS: Final = 120_000


class Market(NamedTuple):
    """A simulated venue, all of whose trades are known."""

    port: int
    tape: VenueTape


@contextmanager
def markets(venues: Sequence[Venue], seed: int) -> Iterator[dict[Venue, Market]]:
    """Run a simulator for each venue, in which the next full hour is two minutes away."""
    if not venues:
        yield {}
        return
    venue, *others = venues
    options = ("--venue", venue, "--synthetic", "--seed", seed, "--speed", _SPEEDS[venue])
    with simulating(*options, "--faults", f"skew ms={_to_the_hour()}") as port:
        market = Market(port, VenueTape(venue, "BTCUSDT", port))
        with market.tape.followed(), markets(others, seed) as rest:
            yield {venue: market, **rest}


def _to_the_hour() -> int:
    return (-_BEFORE_MS - SystemClock().now() // NS_PER_MS) % _HOUR_MS
