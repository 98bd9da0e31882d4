"""Every closed minute against the venue's own kline, over real sockets and real processes.

The simulator makes its klines of its own tape and shares no code with the service. It is an hour
behind and runs fast, so minutes pass in seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from processes import ask, eventually, serving, settings, simulating

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import NS_PER_MS, Venue

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
SPEED = 24
SPEED_OF_ALL = 12
"""Four venues make four times the work."""
PROMPT = {"MARKETDATA_RECONCILE_DELAY_S": "0", "MARKETDATA_RECONCILE_PATIENCE_S": "3600"}
NINE = ("open", "high", "low", "close", "volume", "quote_volume", "count")
NINE += ("taker_buy_volume", "taker_buy_quote_volume")


class Markets(NamedTuple):
    """A service, the venues that it collects from, and where each answers."""

    url: str
    venue_url: str

    def minutes(self, venue: str) -> list[dict[str, Any]]:
        """Return the verdicts on all minutes but the first, which was joined in its middle."""
        return self.verdicts(venue)[1:]

    def verdicts(self, venue: str) -> list[dict[str, Any]]:
        """Return every verdict on a market's minutes."""
        now = SystemClock().now() // NS_PER_MS
        path = f"/v1/markets/{venue}/BTCUSDT/reconciliation"
        return ask(self.url, path, start=now - 2 * HOUR_MS, end=now)["data"]

    def candles(self, venue: str, start: int, end: int) -> dict[str, Any]:
        """Return the bars of a range."""
        return ask(self.url, f"/v1/markets/{venue}/BTCUSDT/candles", start=start, end=end)

    def tally(self) -> dict[str, Any]:
        """Return what `/health` counts."""
        found = ask(self.url, "/health")["detail"]["components"]
        return next(one["detail"] for one in found if one["name"] == "reconciliation")


@contextmanager
def markets(tmp_path, *faults: str, venues: tuple[str, ...], **more: str) -> Iterator[Markets]:
    """Run seeded venues with faults, and the service over them."""
    named = [word for venue in venues for word in ("--venue", venue)]
    told = [word for fault in (f"skew ms=-{HOUR_MS}", *faults) for word in ("--faults", fault)]
    speed = SPEED_OF_ALL if len(venues) > 1 else SPEED
    options = ("--synthetic", "--seed", 7, "--speed", speed)
    with simulating(*named, *options, *told) as port:
        env = settings(venues, ["BTCUSDT"], port, tmp_path, **(PROMPT | more))
        with serving(env) as (_, url):
            yield Markets(url, f"http://127.0.0.1:{port}")


def test_every_closed_minute_of_every_venue_is_exact(tmp_path):
    venues = tuple(venue.value for venue in Venue)
    with markets(tmp_path, venues=venues) as running:
        for venue in venues:
            eventually(lambda venue=venue: len(running.minutes(venue)) >= 2, 60)
        for venue in venues:
            found = running.minutes(venue)
            assert [one["verdict"] for one in found] == ["exact"] * len(found), found
            binance = venue.startswith("binance")
            assert set(found[0]["theirs"]) == set(NINE if binance else NINE[:6])
            span = (found[0]["start"], found[-1]["end"])
            quality = running.candles(venue, *span)["meta"]["quality"]
            assert quality["reconciled"] == "exact"
        assert running.tally()["exact"] >= 2 * len(venues)
        assert running.tally()["unavailable"] == 0


@pytest.mark.parametrize(
    ("venue", "field"), [("binance-spot", "quote_volume"), ("bybit-linear", "close")]
)
def test_a_falsified_kline_is_a_mismatch_with_both_revisions_kept(venue, field, tmp_path):
    with markets(tmp_path, f"falsify kline field={field} at=2", venues=(venue,)) as running:
        wrong = eventually(lambda: next(iter(_mismatches(running, venue)), None), 60)
        assert wrong["fields"] == [field]
        assert wrong["ours"][field] != wrong["theirs"][field]
        same = {name for name in wrong["theirs"] if wrong["ours"][name] == wrong["theirs"][name]}
        assert same >= set(wrong["theirs"]) - {field, "open", "high", "low"}
        if venue == "binance-spot":
            # The trades were asked for again by id, and make our bar, not the falsified kline.
            assert wrong["refetched"] == wrong["ours"]
            assert "ours" in wrong["note"]
        span = (wrong["start"], wrong["end"])
        assert running.candles(venue, *span)["meta"]["quality"]["reconciled"] == "mismatch"
        (bar,) = running.candles(venue, *span)["data"]
        assert Decimal(bar["close"]) == Decimal(wrong["ours"]["close"])


def _mismatches(running: Markets, venue: str) -> list[dict[str, Any]]:
    return [one for one in running.minutes(venue) if one["verdict"] == "mismatch"]


def test_refused_klines_are_pending_then_unavailable_and_never_exact(tmp_path):
    fault = "rest 503 path=klines"
    patience = {"MARKETDATA_RECONCILE_PATIENCE_S": "3"}
    with markets(tmp_path, fault, venues=("binance-usdm",), **patience) as running:
        eventually(lambda: running.tally()["pending"] > 0, 60)
        now = SystemClock().now() // NS_PER_MS - HOUR_MS
        pending = running.candles("binance-usdm", now - 5 * MINUTE_MS, now + HOUR_MS)
        assert pending["meta"]["quality"]["reconciled"] in {"pending", "unavailable"}
        found = eventually(lambda: running.verdicts("binance-usdm"), 60)
        assert {one["verdict"] for one in found} == {"unavailable"}
        assert found[0]["theirs"] == {}
        assert "503" in found[0]["note"]
        told = running.candles("binance-usdm", found[0]["start"], found[0]["end"])
        assert told["meta"]["quality"]["reconciled"] == "unavailable"
        assert running.tally()["exact"] == 0


def test_a_venue_that_asks_to_wait_is_not_asked_for_klines_meanwhile(tmp_path):
    fault = "rest 429 path=klines retry-after=3600"
    with markets(tmp_path, fault, venues=("binance-spot",)) as running:
        eventually(lambda: running.tally()["trouble"], 60)
        first = _struck(running)
        eventually(lambda: running.tally()["pending"] >= 2, 60)
        assert _struck(running) == first == 1


def _struck(running: Markets) -> int:
    faults = ask(running.venue_url, "/_faults")["faults"]
    return next(one["struck"] for one in faults if one["fault"].startswith("rest"))
