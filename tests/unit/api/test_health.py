"""/health says what the brief says, and judges as the brief judges."""

import asyncio

import pytest
from starlette.testclient import TestClient
from tape import FixedClock, Market

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.health import spelled
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core import pulses
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Pulse, judged
from guarded import Guarded


class Says:
    """A component that always says the same."""

    def __init__(self, *pulse: object, **more: object) -> None:
        self._pulse = Pulse(*pulse, **more)

    async def pulse(self) -> Pulse:
        """Answer, or do not."""
        return self._pulse


class Hangs:
    """A component that answers so often and then no more."""

    def __init__(self, answers: int) -> None:
        self._left = answers

    async def pulse(self) -> Pulse:
        """Answer, or do not."""
        if self._left:
            self._left -= 1
            return Pulse("storage", "sqlite", "ok", ok=True, vital=True)
        await asyncio.Event().wait()
        raise AssertionError


ALL_WELL = [
    Says("collectors", "bybit", "connected", ok=True),
    Says("collectors", "binance", "connected", ok=True),
    Says("storage", "redis", "ok", ok=True, vital=True),
    Says("storage", "mongodb", "ok", ok=True, vital=True),
]


def asked(components: list[object], clock: FixedClock) -> TestClient:
    market = asyncio.run(Market().open())
    app = create_app(
        queries=market.queries,
        operations=Operations(components, Settings(), clock),
        clock=clock,
        settings=Settings(),
        guard=Guarded(clock, Settings()).edge,
    )
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


def test_health_is_the_brief_s_key_by_key() -> None:
    clock = FixedClock()
    client = asked(ALL_WELL, clock)
    clock.time += (72 * 3600 + 15 * 60 + 32) * 10**9
    answer = client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"status", "collectors", "storage", "uptime", "version", "detail"}
    assert body["status"] == "healthy"
    assert body["collectors"] == {"bybit": "connected", "binance": "connected"}
    assert body["storage"] == {"redis": "ok", "mongodb": "ok"}
    assert body["uptime"] == "72h 15m 32s"


def test_venues_of_one_exchange_are_shown_as_their_worst() -> None:
    spot = Says("collectors", "bybit", "connected", ok=True)
    linear = Says("collectors", "bybit", "reconnecting", ok=False)
    for order in ([spot, linear], [linear, spot]):
        answer = asked([*order, *ALL_WELL[1:]], FixedClock()).get("/health")
        assert answer.json()["collectors"] == {"bybit": "reconnecting", "binance": "connected"}
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


IDLE = Says("collectors", "bybit", "idle", ok=True)


def test_a_collector_without_work_counts_for_nothing_beside_one_that_has_some() -> None:
    for order in ([IDLE, *ALL_WELL], [*ALL_WELL, IDLE]):
        body = asked(order, FixedClock()).get("/health").json()
        assert (body["status"], body["collectors"]["bybit"]) == ("healthy", "connected")
    body = asked([IDLE, *ALL_WELL[1:]], FixedClock()).get("/health").json()
    assert body["collectors"] == {"bybit": "idle", "binance": "connected"}
    assert body["status"] == "healthy"
    down = Says("collectors", "binance", "disconnected", ok=False)
    answer = asked([IDLE, down, *ALL_WELL[2:]], FixedClock()).get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")


@pytest.mark.parametrize(
    "failing",
    [
        [*ALL_WELL[:3], Says("storage", "mongodb", "down", ok=False, vital=True)],
        [
            Says("collectors", "bybit", "disconnected", ok=False),
            Says("collectors", "binance", "disconnected", ok=False),
            *ALL_WELL[2:],
        ],
    ],
)
def test_vital_failure_or_no_collector_at_all_is_unhealthy(failing: list[object]) -> None:
    answer = asked(failing, FixedClock()).get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")


def test_component_that_does_not_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulses, "PATIENCE_S", 0.001)

    async def law() -> None:
        checked = Operations([Hangs(1), *ALL_WELL[:2]], Settings(), FixedClock()).health
        assert (await checked.ask()).status == "healthy"
        answer = await checked.ask()
        assert (answer.status, answer.storage) == ("unhealthy", {"sqlite": "no answer"})
        unheard = Operations([Hangs(0), *ALL_WELL[:2]], Settings(), FixedClock())
        never = await unheard.health.ask()
        assert (never.status, never.detail.unanswered) == ("degraded", ["Hangs"])

    asyncio.run(law())


def test_service_without_collectors_is_judged_by_its_stores() -> None:
    assert judged([]) == "healthy"
    assert judged([Pulse("storage", "sqlite", "ok", ok=True)]) == "healthy"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0h 0m 0s"), (3661.0, "1h 1m 1s"), (360_000.0, "100h 0m 0s")]
)
def test_uptime_is_spelled_in_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert spelled(seconds) == text
