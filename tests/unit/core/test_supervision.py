"""A component that dies is started again, the sooner the longer it had lived."""

from random import Random

import pytest

from cloud_marketdata.core.supervisor import supervised

pytestmark = pytest.mark.anyio


class Highest(Random):
    """Draws the upper bound, so that a wait is the bound of its backoff."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper end."""
        return max(a, b)


class Lives:
    """A component that dies after each given number of seconds, and the clock it lives on."""

    def __init__(self, *seconds: float) -> None:
        self.waits: list[float] = []
        self._left = list(seconds)
        self._now = 0.0

    def now(self) -> int:
        """Wall time, which nobody asks for here."""
        raise AssertionError

    def monotonic(self) -> float:
        """Seconds lived and waited."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        self._now += seconds

    async def run(self) -> None:
        """Live once more; return when all lives are over."""
        if self._left:
            self._now += self._left.pop(0)
            raise RuntimeError


async def _waits(*lives: float) -> list[float]:
    lived = Lives(*lives)
    await supervised("part", lived.run, lived, Highest())
    return lived.waits


async def test_the_waits_grow_while_it_dies_soon():
    assert await _waits(0, 1, 59.9, 0, 0, 0, 0) == [1, 2, 4, 8, 16, 30, 30]


async def test_after_a_stable_minute_the_waits_begin_anew():
    assert await _waits(0, 0, 0, 60, 0, 3600, 0) == [1, 2, 4, 1, 2, 1, 2]


async def test_a_component_that_returns_is_done():
    assert await _waits() == []


async def test_each_death_is_told_by_name():
    deaths: list[str] = []
    lived = Lives(0, 3, 0)
    await supervised("part", lived.run, lived, Highest(), deaths.append)
    assert deaths == ["part"] * 3
