"""How long something was in trouble is known, and whether the process may be sent requests."""

import pytest
from telemetric import Feels, Moved

from cloud_marketdata.core.health import Component
from cloud_marketdata.core.pulses import Pulses
from cloud_marketdata.core.readiness import SILENT_S, Readiness
from cloud_marketdata.core.telemetry.catalogue import DEATHS, RECOVERY, STATUS, UP
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Metric
from cloud_marketdata.core.telemetry.recovery import Recovery

pytestmark = pytest.mark.anyio


class Ward:
    """Components that are watched."""

    def __init__(self, *components: Component) -> None:
        self.clock = Moved()
        self.recovery = Recovery(Pulses(components), self.clock)
        self.readiness = Readiness(self.recovery, self.clock)

    def told(self, metric: Metric) -> dict[tuple[str, ...], float | Histogram]:
        """Return the figures of one metric."""
        samples = self.recovery.measures()
        return {one.labels: one.value for one in samples if one.metric is metric}

    async def look(self, after_s: float = 1.0) -> None:
        """Look once more, some time later."""
        self.clock.at += after_s
        await self.recovery.look()


REDIS = ("storage", "redis")


async def test_a_trouble_lasts_from_the_look_that_sees_it_to_the_one_that_sees_its_end():
    redis = Feels("redis")
    ward = Ward(redis)
    await ward.look()
    assert (ward.told(UP), ward.told(RECOVERY)) == ({REDIS: 1}, {})
    redis.ok = False
    await ward.look()
    assert ward.told(UP) == {REDIS: 0}
    assert ward.told(RECOVERY)[REDIS].count == 0
    await ward.look(5.0)
    assert ward.recovery.troubles() == {"storage/redis": 5.0}
    redis.ok = True
    await ward.look(2.0)
    took = ward.told(RECOVERY)[REDIS]
    assert (took.count, took.total) == (1, 7.0)
    assert (ward.told(UP), ward.recovery.troubles()) == ({REDIS: 1}, {})


async def test_every_trouble_of_a_component_is_counted():
    redis = Feels("redis")
    ward = Ward(redis)
    for ok in (True, False, True, False, False, True):
        redis.ok = ok
        await ward.look()
    took = ward.told(RECOVERY)[REDIS]
    assert (took.count, took.total) == (2, 3.0)


async def test_a_start_is_no_trouble():
    redis = Feels("redis", ok=False)
    ward = Ward(redis)
    await ward.look()
    redis.ok = True
    await ward.look()
    assert (ward.told(UP), ward.told(RECOVERY)) == ({REDIS: 1}, {})


async def test_components_of_one_name_are_well_where_all_are():
    one, other = Feels("redis"), Feels("redis")
    ward = Ward(one, other)
    await ward.look()
    other.ok = False
    await ward.look()
    assert ward.told(UP) == {REDIS: 0}


async def test_the_status_is_told_as_a_number():
    redis, mongodb = Feels("redis", vital=True), Feels("mongodb")
    ward = Ward(redis, mongodb)
    assert ward.told(STATUS) == {}
    for ok, vital_ok, status in ((True, True, 0), (False, True, 1), (True, False, 2)):
        mongodb.ok, redis.ok = ok, vital_ok
        await ward.look()
        assert ward.told(STATUS) == {(): status}


async def test_deaths_are_counted_by_part():
    ward = Ward()
    for name in ("crew", "feed", "crew"):
        ward.recovery.died(name)
    assert ward.told(DEATHS) == {("crew",): 2, ("feed",): 1}


async def test_a_process_is_ready_when_all_were_asked_and_nothing_vital_fails():
    redis = Feels("redis", vital=True)
    ward = Ward(redis, Feels("mongodb", ok=False))
    assert ward.readiness.judge() == "starting"
    await ward.look()
    assert ward.readiness.judge() == "ready"
    redis.ok = False
    await ward.look()
    assert ward.readiness.judge() == "unhealthy"
    redis.ok = True
    await ward.look()
    assert ward.readiness.judge() == "ready"


async def test_what_was_said_long_ago_is_not_believed():
    ward = Ward(Feels("redis"))
    await ward.look()
    ward.clock.at += SILENT_S + 0.1
    assert ward.readiness.judge() == "silent"


async def test_who_stops_is_not_ready_whatever_his_components_say():
    ward = Ward(Feels("redis"))
    await ward.look()
    ward.readiness.stopping()
    assert ward.readiness.judge() == "stopping"
