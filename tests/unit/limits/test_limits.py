"""The limits of addresses and keys, and what becomes of them while the quotas are away."""

import asyncio

import pytest
from limited import Leaving, SetClock
from structlog.testing import capture_logs

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.identity import LOCAL, Identity
from cloud_marketdata.security.limits.absence import RECOVERY_S
from cloud_marketdata.security.limits.costs import FAILED_KEY
from cloud_marketdata.security.limits.counted import OverQuotaError
from cloud_marketdata.security.limits.fines import Fines
from cloud_marketdata.security.limits.limits import Limits
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.security_ports import Rate

pytestmark = pytest.mark.anyio
ONE, TWO = "203.0.113.1", "203.0.113.2"
KEY = Identity("abcdefgh", "tester", frozenset())


class Stage:
    """Limits of 60 units a minute for addresses and 120 for keys."""

    def __init__(self, clock: SetClock, when_away: str = "local") -> None:
        self.shared = Leaving(MemoryQuotas(clock))
        settings = Settings(limit_per_ip=60, limit_per_key=120, limits_when_away=when_away)
        self.limits = Limits(self.shared, MemoryQuotas(clock), settings, clock)

    async def asked(self, times: int, address: str = ONE) -> int:
        """Ask so many times at once; return how often it was allowed."""
        asked = (self.limits.of_address(address) for _ in range(times))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return sum(not isinstance(answer, OverQuotaError) for answer in answers)


@pytest.fixture
def stage(clock) -> Stage:
    return Stage(clock)


async def test_an_address_may_ask_a_minutes_worth_at_once_and_then_evenly(stage, clock):
    assert await stage.asked(100) == 60
    assert await stage.asked(100, TWO) == 60

    clock.step(3)
    assert await stage.asked(100) == 3


async def test_all_addresses_of_one_ipv6_network_have_one_limit(stage):
    for number in range(60):
        await stage.limits.of_address(f"2001:db8:0:1:{number:x}::1")

    with pytest.raises(OverQuotaError):
        await stage.limits.of_address("2001:db8:0:1:ffff:ffff:ffff:ffff")
    await stage.limits.of_address("2001:db8:0:2::1")


async def test_a_refusal_says_whose_limit_it_is_and_when_it_goes_on(stage):
    await stage.asked(60)
    with pytest.raises(OverQuotaError, match=r"this address may ask for 60 units in 60 s") as told:
        await stage.limits.of_address(ONE, 5)

    assert told.value.retry_after_s == told.value.counted.taken.after_s == 5.0
    assert (told.value.code, told.value.status) == ("quota_exceeded", 429)
    assert told.value.counted.name == "ip"


async def test_a_key_has_its_own_limit_or_that_of_the_settings(stage):
    assert (await stage.limits.of_key(KEY, 10)).taken.left == 110
    own = KEY._replace(key_id="other", per_minute=20)
    counted = await stage.limits.of_key(own, 10)

    assert (counted.name, counted.rate, counted.taken.left) == ("key", Rate(20, 60), 10)
    with pytest.raises(OverQuotaError, match="this key"):
        await stage.limits.of_key(own, 11)


async def test_a_key_and_an_address_of_one_name_are_counted_apart(stage):
    await stage.asked(60)

    assert (await stage.limits.of_key(KEY._replace(key_id=ONE), 1)).taken.left == 119


async def test_who_may_ask_at_all_may_ask_the_dearest_question_with_the_whole_quota(stage):
    small = KEY._replace(per_minute=4)

    assert (await stage.limits.of_key(small, 10)).taken.left == 0
    with pytest.raises(OverQuotaError) as told:
        await stage.limits.of_key(small, 10)
    assert told.value.retry_after_s == 60


async def test_who_has_no_key_is_not_asked_for_its_limit(stage):
    with pytest.raises(AssertionError):
        await stage.limits.of_key(LOCAL, 1)


async def test_a_wrong_key_costs_what_it_is_said_to_cost_also_where_nothing_is_left(stage, clock):
    """In ten minutes 60 + 600 units are there, and each guess is 1 + 10 of them."""
    guesses = 0
    for _ in range(600 * 10):
        clock.step(0.1)
        try:
            await stage.limits.of_address(ONE)
        except OverQuotaError:
            continue
        guesses += 1
        await stage.limits.fine(ONE, FAILED_KEY)

    assert (60 + 600) // 11 - 1 <= guesses <= (60 + 600) // 11 + 1
    assert stage.limits.fined == guesses


async def test_a_fine_is_paid_once(stage, clock):
    await stage.asked(60)
    await stage.limits.fine(ONE, FAILED_KEY)
    clock.step(30)

    assert (await stage.limits.of_address(ONE)).taken.left == 30 - 1 - FAILED_KEY
    assert (await stage.limits.of_address(ONE)).taken.left == 30 - 2 - FAILED_KEY


async def test_an_address_never_owes_more_than_it_can_pay_with_a_whole_quota(stage, clock):
    await stage.asked(60)
    for _ in range(50):
        await stage.limits.fine(ONE, FAILED_KEY)
    clock.step(59)
    assert await stage.asked(1) == 0
    clock.step(1)

    assert (await stage.limits.of_address(ONE)).taken.left == 0
    clock.step(1)
    assert await stage.asked(5) == 1


def test_debtors_beyond_the_bound_are_forgiven_and_counted():
    fines = Fines(most_debtors=2)
    for name in "abac":
        fines.add(name, 5)

    assert (len(fines), fines.forgiven) == (2, 1)
    assert [fines.owed(name) for name in "abc"] == [10, 0, 5]


def test_what_is_owed_beyond_what_was_paid_stays_owed():
    fines = Fines()
    fines.add("a", 10)
    fines.add("a", 10)
    fines.settle("a", 10)
    assert (fines.owed("a"), len(fines)) == (10, 1)

    fines.settle("a", 10)
    fines.settle("a", 10)
    assert (fines.owed("a"), len(fines)) == (0, 0)


async def test_refusals_are_counted_by_kind(stage):
    await stage.asked(63)
    await stage.limits.of_key(KEY, 120)
    with pytest.raises(OverQuotaError):
        await stage.limits.of_key(KEY, 10)
    pulse = await stage.limits.pulse()

    assert (pulse.state, pulse.ok) == ("ok", True)
    assert pulse.detail["refused"] == {"ip": 3, "key": 1}


async def test_while_the_quotas_are_away_they_are_counted_here_and_it_is_said_once(stage, clock):
    await stage.asked(50)
    stage.shared.away = "Redis at 127.0.0.1:1 is away"
    with capture_logs() as lines:
        assert await stage.asked(100) == 60
        pulse = await stage.limits.pulse()
        clock.step(RECOVERY_S + 1)
        await stage.asked(100)
        stage.shared.away = ""
        clock.step(RECOVERY_S)
        await stage.asked(10)

    assert [line["event"] for line in lines] == ["limits.away", "limits.back"]
    assert (pulse.state, pulse.ok) == ("counting here", False)
    assert pulse.detail["error"] == "Redis at 127.0.0.1:1 is away"
    assert pulse.detail["absences"] == 1
    after = await stage.limits.pulse()
    assert (after.state, after.ok, "error" in after.detail) == ("ok", True, False)


async def test_quotas_that_are_away_are_asked_once_a_second_and_not_by_every_request(stage, clock):
    stage.shared.away = "gone"
    for _ in range(100):
        await stage.asked(5)
        clock.step(0.05)

    assert stage.shared.asked <= 1 + 5 / RECOVERY_S


async def test_once_they_are_back_they_know_what_was_taken_before(stage, clock):
    await stage.asked(60)
    stage.shared.away = "gone"
    assert await stage.asked(10) == 10
    stage.shared.away = ""
    clock.step(RECOVERY_S)

    assert await stage.asked(10) == 1


async def test_where_the_settings_refuse_nobody_is_answered_meanwhile(clock):
    stage = Stage(clock, "refuse")
    stage.shared.away = "gone"
    for _ in range(3):
        with pytest.raises(StorageError, match=r"limits cannot be counted.*: gone") as told:
            await stage.limits.of_address(ONE)
        assert told.value.status == 503
        with pytest.raises(StorageError):
            await stage.limits.of_key(KEY, 1)

    assert (await stage.limits.pulse()).state == "refusing"
    assert stage.shared.asked == 1


async def test_where_the_settings_allow_nothing_is_counted_meanwhile(clock):
    stage = Stage(clock, "allow")
    stage.shared.away = "gone"

    assert await stage.asked(1000) == 1000
    pulse = await stage.limits.pulse()
    assert (pulse.state, pulse.ok, pulse.detail["bridged"]) == ("not counting", False, 1000)
