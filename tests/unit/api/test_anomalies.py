"""Anomalies: pages by keyset, filters, exact numbers, and what was not looked at is said."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tape import BASE, BTC, MINUTE, FixedClock, ms

from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.signals.pages import Place, Wanted, place_of, read_page
from cloud_marketdata.api.signals.queries import Detectors, SignalDesk
from cloud_marketdata.api.signals.questions import AnomaliesParams
from cloud_marketdata.api.signals.routes import build_signals
from cloud_marketdata.api.signals.schemas import AnomaliesAnswer
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Subject,
)
from cloud_marketdata.domain.values import NS_PER_MS, Side, Venue
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.memory.flow import MemoryFlow
from edged import edged

MARKET = Subject.market(Venue.BINANCE_USDM, "BTCUSDT")
PAIR = Subject.pair(Venue.BYBIT_LINEAR, Venue.BINANCE_USDM, "BTCUSDT")
ROOT = "/v1/markets/binance-usdm/BTCUSDT/anomalies"
PAIRS = "/v1/pairs/BTCUSDT/anomalies"
DETECTORS = Detectors(markets={"sweep": 2, "absorption": 1}, pairs={"venue_divergence": 1})


def signal(name: str, at_ms: int = 0, **changed: object) -> Signal:
    """Return a signal detected so many ms after the beginning of the tape."""
    time = BASE + at_ms * NS_PER_MS
    given = {
        "id": name,
        "kind": SignalKind.SWEEP,
        "instrument": BTC,
        "start": time - 7 * NS_PER_MS,
        "detected": time,
        "end": None,
        "state": SignalState.OPEN,
        "severity": Severity.INFO,
        "statistic": None,
        "threshold": None,
        "baseline": None,
        "detector": "sweep",
        "version": 2,
    }
    return Signal(**given | changed)


def minute(number: int, warming: tuple[str, ...] = ()) -> FlowMinute:
    return FlowMinute(BTC, BASE + number * MINUTE, {}, warming=warming)


class Desk:
    """The routes over stores in memory that hold one market."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.stores = memory_stores(self.clock)
        asyncio.run(self.stores.instruments.save([BTC]))
        known = KnownMarkets(self.stores.instruments)
        app = FastAPI()
        install(app, Problems("rest", self.clock))
        desk = SignalDesk(self.stores.flow, known, self.clock, DETECTORS)
        app.include_router(build_signals(desk))
        self.client = edged(app, self.clock)

    def save(self, *told: Signal | FlowMinute, subject: Subject = MARKET) -> None:
        """Save minutes and signals as the analyst does."""
        minutes = [one for one in told if isinstance(one, FlowMinute)]
        signals = [one for one in told if isinstance(one, Signal)]
        changes = FlowChanges(b"", minutes, signals)
        asyncio.run(self.stores.flow.save(subject, changes))

    def ask(self, path: str = ROOT, **asked: object) -> dict[str, Any]:
        """Return an answer that fits its schema; by default of the first ten minutes."""
        within = {"start": ms(BASE), "end": ms(BASE + 10 * MINUTE)}
        answer = self.client.get(path, params=within | asked)
        assert answer.status_code == 200, answer.text
        AnomaliesAnswer.model_validate_json(answer.content)
        return answer.json()

    def names(self, **asked: object) -> list[str]:
        """Return the ids of an answer in its order."""
        return [one["id"] for one in self.ask(**asked)["data"]["anomalies"]]

    def refused(self, path: str = ROOT, **asked: object) -> tuple[int, str]:
        """Return the status and the code of a refusal."""
        answer = self.client.get(path, params=asked)
        return answer.status_code, answer.json()["code"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_every_field_is_told_and_money_is_exact_text(desk):
    time = BASE + 5000 * NS_PER_MS
    desk.save(
        signal(
            "a",
            5000,
            end=time + 1,
            state=SignalState.HELD,
            severity=Severity.CRITICAL,
            statistic=4.5,
            threshold=4.0,
            baseline=1.0,
            evidence=Evidence(17, "x-9", 12),
            side=Side.SELL,
            low=617_000,
            high=617_005,
            size=1 << 70,
            affects=("cvd",),
            detail={"levels": 5, "usd": "1000000.10", "share": 0.5, "rpi": False},
            revision=3,
        )
    )
    asked = desk.ask()
    [told] = asked["data"]["anomalies"]
    start = BASE // NS_PER_MS + 5000
    assert told == {
        "id": "a",
        "kind": "sweep",
        "start": start - 7,
        "detected": start,
        "end": start + 1,
        "state": "held",
        "severity": "critical",
        "statistic": 4.5,
        "threshold": 4.0,
        "baseline": 1.0,
        "side": "sell",
        "low": "61700.0",
        "high": "61700.5",
        "size": str(Decimal(1 << 70).scaleb(-3)),
        "affects": ["cvd"],
        "evidence": {"first_id": 17, "last_id": "x-9", "trades": 12},
        "detector": "sweep",
        "version": 2,
        "detail": {"levels": 5, "usd": "1000000.10", "share": 0.5, "rpi": False},
        "revision": 3,
    }
    assert (asked["data"]["unit"], asked["data"]["quote_unit"]) == ("BTC", "USDT")
    assert asked["meta"]["quality"]["sources"] == ["binance-usdm"]
    assert asked["meta"]["quality"]["revision"] == 3


def test_the_method_names_every_detector_with_its_version(desk):
    assert desk.ask()["meta"]["method"] == {"range": "detected", "sweep": 2, "absorption": 1}


def test_a_telling_of_a_higher_revision_is_shown_in_place_of_the_first(desk):
    desk.save(signal("a", 1))
    desk.save(signal("a", 1, revision=1, state=SignalState.RESOLVED))
    [told] = desk.ask()["data"]["anomalies"]
    assert (told["state"], told["revision"]) == ("resolved", 1)


def test_the_range_is_one_of_the_time_of_detection_and_half_open(desk):
    desk.save(signal("before", -1), signal("first", 0), signal("last", 999), signal("end", 1000))
    assert desk.names(end=ms(BASE + 1000 * NS_PER_MS)) == ["first", "last"]


def test_without_a_range_the_last_hour_is_answered(desk):
    desk.clock.time = BASE + 70 * MINUTE
    desk.save(signal("old", 9 * 60_000), signal("young", 11 * 60_000))
    found = desk.client.get(ROOT).json()["data"]["anomalies"]
    assert [one["id"] for one in found] == ["young"]


def test_filters_let_through_what_they_name(desk):
    desk.save(
        signal("a", 1),
        signal("b", 2, kind=SignalKind.ABSORPTION, severity=Severity.WARN),
        signal("c", 3, state=SignalState.RESOLVED, severity=Severity.CRITICAL),
    )
    assert desk.names(kinds="sweep") == ["a", "c"]
    assert desk.names(kinds="sweep, absorption") == ["a", "b", "c"]
    assert desk.names(severity="warn,critical") == ["b", "c"]
    assert desk.names(state="open") == ["a", "b"]
    assert desk.names(kinds="sweep", severity="critical", state="resolved") == ["c"]
    assert desk.names(kinds="wash_like") == []


def pages(desk: Desk, limit: int, **asked: object) -> list[list[str]]:
    """Return the ids of all pages of a question."""
    found, cursor = [], {}
    while cursor is not None:
        answer = desk.ask(limit=limit, **asked, **cursor)
        found.append([one["id"] for one in answer["data"]["anomalies"]])
        assert len(found) < 100
        following = answer["meta"]["next_cursor"]
        cursor = {"cursor": following} if following else None
    return found


def test_pages_show_everything_once_also_where_many_share_an_instant(desk):
    desk.save(*(signal(f"{at}-{number}", at) for at in (1, 2) for number in range(4)))
    assert pages(desk, 3) == [["1-0", "1-1", "1-2"], ["1-3", "2-0", "2-1"], ["2-2", "2-3"]]
    assert [name for page in pages(desk, 1) for name in page] == desk.names()
    assert pages(desk, 8) == [desk.names()]


def test_a_signal_that_comes_between_two_pages_moves_nothing(desk):
    desk.save(signal("b", 2), signal("c", 3), signal("e", 5))
    first = desk.ask(limit=2)
    desk.save(signal("a", 1), signal("d", 4))
    second = desk.ask(limit=9, cursor=first["meta"]["next_cursor"])
    assert [one["id"] for one in second["data"]["anomalies"]] == ["d", "e"]


def test_the_pages_of_a_range_touch_each_other(desk):
    desk.save(*(signal(f"{at}", at * 1000) for at in range(5)))
    first = desk.ask(limit=2)["meta"]
    second = desk.ask(limit=9, cursor=first["next_cursor"])["meta"]
    assert first["range"] == {"start": BASE // NS_PER_MS, "end": BASE // NS_PER_MS + 1001}
    assert second["range"]["start"] <= first["range"]["end"]
    assert second["range"]["end"] == (BASE + 10 * MINUTE) // NS_PER_MS


def test_a_cursor_is_refused_for_other_filters_and_other_subjects(desk):
    desk.save(signal("a", 1), signal("b", 2))
    desk.save(signal("c", 1), subject=PAIR)
    cursor = desk.ask(limit=1)["meta"]["next_cursor"]
    assert desk.refused(cursor=cursor, severity="warn") == (400, "bad_cursor")
    venues = "binance-usdm,bybit-linear"
    assert desk.refused(PAIRS, cursor=cursor, venues=venues) == (400, "bad_cursor")
    assert desk.refused(cursor="x") == (400, "bad_cursor")


def test_wrong_questions_are_refused_with_their_codes(desk):
    assert desk.refused(kinds="sweeps") == (400, "bad_request")
    assert desk.refused(state="sweep") == (400, "bad_request")
    assert desk.refused(limit=0) == (400, "limit_exceeded")
    assert desk.refused(limit=501) == (400, "limit_exceeded")
    assert desk.refused(kind="sweep") == (422, "invalid_request")
    assert desk.refused(start=ms(BASE), end=ms(BASE)) == (400, "bad_time")
    assert desk.refused(start="0") == (400, "limit_exceeded")
    assert desk.refused(ROOT.replace("BTC", "ETH")) == (404, "unknown_market")


def watch(desk: Desk, **asked: object) -> tuple[dict[str, Any], list[str]]:
    answer = desk.ask(**asked)
    return answer["data"]["watch"], answer["meta"]["quality"]["reasons"][1:]


def test_none_is_not_mistaken_for_not_looked(desk):
    answer = desk.ask()
    seen, [reason] = watch(desk)
    assert seen == {"since": None, "until": None, "minutes": 0, "missing": None, "warming": []}
    assert reason.startswith("no detector has looked")
    assert answer["meta"]["quality"]["as_of"] is None


def test_a_range_that_was_looked_at_whole_has_nothing_to_say(desk):
    desk.save(*map(minute, range(10)))
    seen, reasons = watch(desk)
    base = BASE // NS_PER_MS
    assert seen == {
        "since": base,
        "until": base + 600_000,
        "minutes": 10,
        "missing": 0,
        "warming": [],
    }
    assert reasons == []
    quality = desk.ask()["meta"]["quality"]
    assert (quality["as_of"], quality["staleness_ms"]) == ("2024-08-09T00:08:00.000Z", 0)


def test_what_was_not_looked_at_before_behind_and_inside_is_said(desk):
    desk.save(minute(2), minute(5, warming=("vpin", "spikes")))
    seen, reasons = watch(desk)
    assert (seen["minutes"], seen["missing"], seen["warming"]) == (2, 2, ["vpin", "spikes"])
    assert reasons == [
        "nobody looked before 2024-08-09T00:00:00.000Z",
        "looked at up to 2024-08-09T00:04:00.000Z; what came later is not known yet",
        "2 minutes inside were not looked at, or the market stood still",
        "warming, and silent: vpin, spikes",
    ]


def test_a_range_that_begins_inside_a_minute_misses_nothing(desk):
    desk.save(*map(minute, range(10)))
    inside = {"start": ms(BASE + MINUTE // 2), "end": ms(BASE + 3 * MINUTE + 1_000_000)}
    seen, reasons = watch(desk, **inside)
    assert (seen["minutes"], seen["missing"], reasons) == (4, 0, [])


def test_a_range_that_ends_inside_a_minute_counts_that_minute_too(desk):
    desk.save(*map(minute, (0, 1, 3, 4)))
    seen, _ = watch(desk, end=ms(BASE + 3 * MINUTE + 1_000_000))
    assert (seen["minutes"], seen["missing"]) == (3, 1)


def test_forgotten_minutes_are_told_as_such(desk):
    desk.save(*map(minute, range(3)))
    asyncio.run(desk.stores.flow.forget(MARKET, minutes=1 << 62, signals=0))
    seen, [reason] = watch(desk)
    assert (seen["since"], seen["until"], seen["missing"]) == (BASE // NS_PER_MS, None, None)
    assert "no longer kept" in reason


def test_a_pair_is_answered_in_whatever_order_its_venues_are_named(desk):
    desk.save(signal("a", 1, kind=SignalKind.VENUE_DIVERGENCE), minute(0), subject=PAIR)
    answers = [
        desk.ask(PAIRS, venues=venues)
        for venues in ("binance-usdm,bybit-linear", "bybit-linear, binance-usdm")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["data"]["scope"] == "binance-usdm+bybit-linear"
    assert [one["id"] for one in answers[0]["data"]["anomalies"]] == ["a"]
    assert answers[0]["meta"]["method"] == {"range": "detected", "venue_divergence": 1}
    assert answers[0]["meta"]["quality"]["sources"] == ["binance-usdm", "bybit-linear"]


def test_a_pair_that_is_not_compared_is_refused_and_those_that_are_are_named(desk):
    venues = "binance-usdm,bybit-linear"
    assert desk.refused(PAIRS, venues=venues) == (404, "unknown_market")
    for wrong in ("binance-usdm", "a,b", "binance-usdm,binance-usdm", f"{venues},bybit-spot"):
        assert desk.refused(PAIRS, venues=wrong) == (400, "bad_request")
    assert desk.refused(PAIRS) == (422, "invalid_request")
    desk.save(signal("a", 1), subject=PAIR)
    answer = desk.client.get(PAIRS, params={"venues": "bybit-spot,binance-spot"})
    assert "there is binance-usdm+bybit-linear/BTCUSDT" in answer.json()["detail"]


STORIES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(Severity), st.sampled_from(SignalState)),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(STORIES, st.integers(1, 4), st.sampled_from([None, "warn", "warn,info"]))
def test_filtered_pages_put_together_are_what_one_look_finds(story, limit, severity):
    told = [
        signal(f"{number:02}", at, severity=severe, state=state)
        for number, (at, severe, state) in enumerate(story)
    ]
    wanted = Wanted.of(AnomaliesParams(severity=severity, state="open,held"))
    in_order = sorted(told, key=lambda one: (one.detected, one.id))
    assert asyncio.run(_walked(told, wanted, limit)) == [
        one for one in in_order if wanted.lets(one)
    ]


async def _walked(told: list[Signal], wanted: Wanted, limit: int) -> list[Signal]:
    flow = MemoryFlow()
    await flow.save(MARKET, FlowChanges(b"", (), told))
    shown: list[Signal] = []
    place: Place | None = Place(TimeRange(BASE, BASE + MINUTE))
    while place is not None:
        page = await read_page(flow, MARKET, place, wanted, limit)
        assert len(page.signals) <= limit
        assert page.rest != place
        shown += page.signals
        place = page.rest
    return shown


def test_a_page_reads_a_bounded_number_of_signals_and_says_where_to_go_on(desk):
    many = [signal(f"{at:05}", at) for at in range(12_000)]
    rare = replace(many[11_500], severity=Severity.CRITICAL)
    desk.save(*many[:11_500], rare, *many[11_501:])
    first = desk.ask(severity="critical", limit=5)
    assert first["data"]["anomalies"] == []
    place = place_of(first["meta"]["next_cursor"], f"anomalies|{'|'.join(MARKET)}||critical|")
    assert place.after == "09999"
    assert pages(desk, 5, severity="critical") == [[], ["11500"]]
