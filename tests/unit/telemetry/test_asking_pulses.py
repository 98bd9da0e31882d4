"""Components are asked in bounded time, and one that fails is told of once."""

import asyncio

import pytest
from structlog.testing import capture_logs
from telemetric import Feels

from cloud_marketdata.core import pulses
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.pulses import Pulses

pytestmark = pytest.mark.anyio


class Raises:
    """A component that raises where the test says so."""

    def __init__(self) -> None:
        self.sick = False

    async def pulse(self) -> Pulse:
        """Answer, or raise."""
        if self.sick:
            raise RuntimeError
        return Pulse("tiers", "s3", "ok", ok=True)


class Hangs:
    """A component that never answers."""

    async def pulse(self) -> Pulse:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError


async def test_one_that_raises_again_and_again_is_logged_once_until_it_is_well():
    part = Raises()
    asking = Pulses([part])
    await asking.ask()
    with capture_logs() as logs:
        for sick in (True, True, False, True, True):
            part.sick = sick
            [pulse] = (await asking.ask()).pulses
            assert (pulse.name, pulse.ok) == ("s3", not sick)
    assert [entry["event"] for entry in logs] == ["health.pulse_failed"] * 2


async def test_one_that_never_answered_is_named_by_its_kind(monkeypatch):
    monkeypatch.setattr(pulses, "PATIENCE_S", 0.001)
    answers = await Pulses([Hangs(), Feels("redis")]).ask()
    assert (answers.unanswered, answers.status) == (["Hangs"], "degraded")


async def test_who_is_added_later_is_asked_too():
    components = [Feels("redis")]
    asking = Pulses(components)
    await asking.ask()
    components.append(Feels("mongodb"))
    assert [pulse.name for pulse in (await asking.ask()).pulses] == ["redis", "mongodb"]
