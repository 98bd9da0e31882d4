"""What is wrong with venues raises the committed alerts: provoked for real, seen by Prometheus.

One run of the service; each test goes on where the one before ended, and leaves venues that are
well. Only durations of the rules are shortened, see scaled.py.
"""

import time

import pytest
from processes import eventually
from watched_service import scene

BINANCE, BYBIT = "binance-usdm", "bybit-linear"
QUIET = {"ServiceDegraded", "ServiceUnhealthy", "StreamSilent", "VenueDown"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The service over two venues."""
    with scene(tmp_path_factory.mktemp("venues"), [BINANCE, BYBIT]) as found:
        yield found


def settled(watched):
    """Return when all is well again, as Prometheus sees it."""
    eventually(lambda: watched.tower.query("cmd_health_status == 0"), 60)


def provoke(watched, faults, names, venue=BINANCE):
    """Set faults, wait for the alerts, and end them."""
    watched.venues[venue].fault(faults)
    try:
        watched.tower.await_fired(names)
    finally:
        watched.venues[venue].fault("")


def test_a_service_that_is_well_raises_nothing(watched):
    settled(watched)
    # Prometheus learns its targets some seconds after its start; that long there are none.
    watched.tower.await_fired({"NoProcesses"})
    watched.tower.await_silent({*QUIET, "NoProcesses"})
    before = set(watched.tower.firing())
    time.sleep(5)

    # The machine may be slow, and the first minute may have ended meanwhile.
    slow = {"EventLoopLag", "IngestLatencyHigh"}
    assert before | watched.tower.firing().keys() <= {*slow, "KlineMismatch"}


def test_input_that_is_no_good(watched):
    faults = "malformed trade every=3; duplicate trade every=2; drop depth every=3"

    provoke(watched, faults, {"RejectionsBurst", "GapsFound", "DuplicatesBurst", "BooksOutOfSync"})


def test_connections_that_break(watched):
    provoke(watched, "cut every=500ms", {"ReconnectStorm"})


def test_a_venue_whose_clock_is_behind(watched):
    provoke(watched, "skew ms=-7000", {"FeedDelayed"}, BYBIT)
    settled(watched)


def test_a_loop_that_does_not_turn(watched):
    for _ in range(8):
        watched.service.pause()
        time.sleep(0.6)
        watched.service.resume()
        time.sleep(0.5)

    watched.tower.await_fired({"EventLoopLag"})


def test_venues_that_are_gone(watched):
    watched.venues[BYBIT].kill()
    alone = {"VenueDown", "BreakerOpen", "NoTrades", "StreamSilent", "ServiceDegraded"}
    watched.tower.await_fired(alone)
    told = watched.tower.firing()
    assert {one["labels"]["name"] for one in told["VenueDown"]} == {"bybit"}
    assert {one["labels"]["venue"] for one in told["NoTrades"]} == {BYBIT}

    watched.venues[BINANCE].kill()
    watched.tower.await_fired({"AllVenuesDown", "ServiceUnhealthy"})
    watched.tower.await_fired({"CoverageLow", "GapsNotRepaired"})

    for venue in watched.venues.values():
        venue.start()
    watched.tower.await_silent({*alone, "AllVenuesDown", "ServiceUnhealthy"}, 90)


def test_a_minute_that_is_not_the_venues(watched):
    # The one in which the service began: it has a part. In 600 ms a minute, it is long past 20 m.
    watched.tower.await_fired({"KlineMismatch"}, 90)


def test_a_process_that_is_gone(watched):
    watched.service.kill()
    watched.tower.await_fired({"ProcessDown"})
    watched.service.start()
    watched.tower.await_silent({"ProcessDown"})


def test_each_alert_that_fired_told_its_reader_something(watched):
    watched.venues[BINANCE].kill()
    watched.tower.await_fired({"VenueDown"})
    eventually(lambda: "VenueDown" in watched.tower.firing())
    for alerts in watched.tower.firing().values():
        for alert in alerts:
            said = " ".join(alert["annotations"].values())
            assert "<no value>" not in said
            assert "error" not in alert["annotations"]["description"].split()
