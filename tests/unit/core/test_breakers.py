"""The circuit breaker over any sequence of events, on a clock that the test holds."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.breaker import BreakerState, CircuitBreaker

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
TIMEOUT = 60

events = st.lists(
    st.one_of(
        st.sampled_from(["ask", "succeeded", "failed", "failed"]),
        st.integers(0, TIMEOUT + 5),
        st.just(TIMEOUT),
    ),
    max_size=60,
)


class Held:
    """A breaker and the clock it reads."""

    def __init__(self, threshold: int = 5) -> None:
        self.now = 0.0
        self.breaker = CircuitBreaker(threshold, TIMEOUT, monotonic=lambda: self.now)

    def do(self, event: str | int) -> bool:
        """Let time pass or something happen; True where a call was allowed."""
        if isinstance(event, int):
            self.now += event
        elif event == "ask":
            return self.breaker.allow()
        else:
            getattr(self.breaker, event)()
        return False


@given(happened=events, threshold=st.integers(1, 4))
def test_it_is_closed_until_so_many_failures_followed_the_last_success(happened, threshold):
    held, since = Held(threshold), 0
    for event in happened:
        held.do(event)
        since = 0 if event == "succeeded" else since + (event == "failed")
        assert (held.breaker.state is CLOSED) == (since < threshold)
        if since < threshold:
            assert held.breaker.wait_s() == 0
            assert held.breaker.allow()
    assert held.breaker.failures == happened.count("failed")


@given(happened=events, threshold=st.integers(1, 3))
def test_once_open_one_call_in_a_whole_timeout_is_the_most(happened, threshold):
    held = Held(threshold)
    quiet_until: float | None = None
    for event in happened:
        trips = held.breaker.trips
        allowed = held.do(event)
        if event == "succeeded":
            quiet_until = None
        elif held.breaker.trips > trips:
            quiet_until = held.now + TIMEOUT
        elif event == "ask" and quiet_until is not None:
            # Never earlier, and never later than it was told.
            assert allowed == (held.now >= quiet_until)
            quiet_until = held.now + TIMEOUT if allowed else quiet_until
        if quiet_until is not None:
            assert held.breaker.wait_s() == max(0, quiet_until - held.now)


@given(happened=events, threshold=st.integers(1, 3))
def test_waiting_as_long_as_it_says_is_enough(happened, threshold):
    held = Held(threshold)
    for event in happened:
        held.do(event)
    held.now += held.breaker.wait_s()
    assert held.breaker.state in {CLOSED, HALF_OPEN}
    assert held.breaker.allow()
    held.breaker.succeeded()
    assert (held.breaker.state, held.breaker.wait_s()) == (CLOSED, 0)


def test_five_failures_open_it_for_a_minute_and_a_failed_probe_for_another():
    held = Held()
    for _ in range(4):
        held.do("failed")
    assert held.breaker.state is CLOSED
    held.do("failed")
    assert (held.breaker.state, held.breaker.trips, held.do("ask")) == (OPEN, 1, False)
    held.do(59)
    assert (held.breaker.state, held.breaker.wait_s(), held.do("ask")) == (OPEN, 1, False)
    held.do(1)
    assert (held.breaker.state, held.do("ask"), held.do("ask")) == (HALF_OPEN, True, False)
    held.do("failed")
    assert (held.breaker.state, held.breaker.trips, held.breaker.wait_s()) == (OPEN, 2, 60)
    held.do(60)
    assert held.do("ask")
    held.do("succeeded")
    assert (held.breaker.state, held.breaker.trips, held.breaker.failures) == (CLOSED, 2, 6)


def test_a_late_failure_from_before_it_opened_prolongs_nothing():
    held = Held(1)
    held.do("failed")
    held.do(30)
    held.do("failed")
    assert (held.breaker.wait_s(), held.breaker.trips, held.breaker.failures) == (30, 1, 2)


def test_a_probe_that_never_ends_gives_way_to_another():
    held = Held(1)
    held.do("failed")
    held.do(60)
    assert held.do("ask")
    held.do(59)
    assert (held.breaker.state, held.do("ask")) == (HALF_OPEN, False)
    held.do(1)
    assert held.do("ask")
