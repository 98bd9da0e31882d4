"""Limits over a real Redis that stands still or is killed: one request waits for it, a second.

What that one waits is bounded by the limits' own patience; the others wait for nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from statistics import median

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.limits.absence import PATIENCE_S, RECOVERY_S
from cloud_marketdata.security.limits.counted import OverQuotaError
from cloud_marketdata.security.limits.limits import Limits
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.security_ports import Quotas

pytestmark = pytest.mark.anyio
ONE = "203.0.113.1"
SETTINGS = Settings(limit_per_ip=100)
CLOCK = SystemClock()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def quotas(redis_url) -> AsyncIterator[Quotas]:
    async with open_redis(RedisPlan(redis_url), CLOCK, above=0) as hot:
        yield hot.part.quotas


def limits_over(quotas: Quotas) -> Limits:
    """Return the limits of one process."""
    return Limits(quotas, MemoryQuotas(CLOCK), SETTINGS, CLOCK)


async def asked(limits: Limits, times: int) -> tuple[int, list[float]]:
    """Ask one after the other; return how often it was allowed, and how long each one took."""
    allowed, took = 0, []
    for _ in range(times):
        begun = CLOCK.monotonic()
        try:
            await limits.of_address(ONE)
            allowed += 1
        except OverQuotaError:
            pass
        took.append(CLOCK.monotonic() - begun)
    return allowed, took


@pytest.mark.parametrize("how", ["pause", "kill"])
async def test_a_redis_that_is_gone_holds_up_one_request_and_no_other(quotas, redis_server, how):
    limits = limits_over(quotas)
    assert (await asked(limits, 60))[0] == 60
    getattr(redis_server, how)()
    try:
        allowed, took = await asked(limits, 150)
        pulse = await limits.pulse()
    finally:
        redis_server.resume() if how == "pause" else redis_server.start()

    assert 100 <= allowed <= 101 + sum(took) * 100 / 60
    assert max(took) < PATIENCE_S + 0.4
    assert median(took) < 0.005
    assert sum(one > 0.9 * PATIENCE_S for one in took) <= 1 + sum(took) / RECOVERY_S
    assert (pulse.state, pulse.detail["absences"]) == ("counting here", 1)
    await asyncio.sleep(RECOVERY_S + 0.1)
    await asked(limits, 1)
    assert (await limits.pulse()).state == "ok"


async def test_two_processes_share_one_limit_and_each_has_its_own_while_redis_is_away(
    quotas, redis_server
):
    one, other = limits_over(quotas), limits_over(quotas)
    assert (await asked(one, 60))[0] == 60
    allowed, took = await asked(other, 60)
    assert 40 <= allowed <= 42 + sum(took) * 2

    redis_server.kill()
    for limits in (one, other):
        allowed, took = await asked(limits, 120)
        assert 100 <= allowed <= 101 + sum(took) * 100 / 60
