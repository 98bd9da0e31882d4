"""A labelled market reaches the log as a service would write it; the page says what came of it."""

from datetime import date

from cloud_marketdata.bench.scoring.marks import Found, Marks
from cloud_marketdata.bench.signals.captures import recordings
from cloud_marketdata.bench.signals.markets import Market, Scored
from cloud_marketdata.bench.signals.page import page
from cloud_marketdata.bench.signals.pairs import Lag
from cloud_marketdata.bench.signals.result import Plan, Result
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.simulator.labelled.spec import Spec

FEED = (SignalKind.TRADE_GAP, SignalKind.SEQUENCE_GAP, SignalKind.DUPLICATES)


def logged(market: Market) -> list[object]:
    return [event for batch in market.batches() for event in batch.events]


def test_gaps_are_proven_and_repeats_dropped_by_the_real_collectors():
    market = Market(Venue.BINANCE_SPOT, Spec(FEED, warm_s=5, pause_s=2), 7)
    events = logged(market)
    ids = [event.id for event in events if isinstance(event, TradeEvent)]
    facts = [event.kind for event in events if isinstance(event, StatusEvent)]
    assert len(ids) == len(set(ids)) > 100
    assert facts.count(StatusKind.TRADE_GAP) == 3
    assert facts.count(StatusKind.BOOK_GAP) == 2
    assert market.wire.repeated == 11


def test_a_lost_book_is_answered_and_believed_again():
    for venue in Venue:
        market = Market(venue, Spec((SignalKind.SEQUENCE_GAP,), warm_s=5, pause_s=2), 7)
        facts = [event.kind for event in logged(market) if isinstance(event, StatusEvent)]
        assert facts.count(StatusKind.BOOK_GAP) == 2
        assert facts.count(StatusKind.BOOK_SYNCED) == 3
        assert facts[-1] is StatusKind.BOOK_SYNCED


def test_recordings_of_days_that_follow_each_other_are_one(tmp_path):
    names = (
        "usdm_btcusdt_20240719.gz",
        "usdm_btcusdt_20240718.gz",
        "usdm_btcusdt_20240808.gz",
        "spot_btcusdt_20240809_nosnapshot.gz",
        "bybit_linear_20260809.gz",
        "README.md",
        "other_20240808.gz",
    )
    for name in names:
        (tmp_path / name).touch()
    found = [(venue, day, [p.name for p in paths]) for venue, day, paths in recordings(tmp_path)]
    assert found == [
        (Venue.BYBIT_LINEAR, date(2026, 8, 9), [names[4]]),
        (Venue.BINANCE_SPOT, date(2024, 8, 9), [names[3]]),
        (Venue.BINANCE_USDM, date(2024, 7, 18), [names[1], names[0]]),
        (Venue.BINANCE_USDM, date(2024, 8, 8), [names[2]]),
    ]


def test_the_page_tells_every_kind_and_says_which_mark_is_missed():
    marks = {
        SignalKind.SWEEP: Marks(
            {"6 prices": Found(4, 3, [1.0, 2.0, 3.0])}, watched=3600 * NS_PER_S
        ),
        SignalKind.LARGE_TRADE: Marks({"200 k": Found(2, 2, [0.0, 1500.0])}),
        SignalKind.EXHAUSTION: Marks(false=2, watched=3600 * NS_PER_S),
    }
    lags = [Lag(25, (24.0, 31.0)), Lag(0, ())]
    text = page(Plan(), Result(Scored(marks, 3600), Scored(), lags, []))
    assert "| `sweep` | 4 | 3 | 0.750 | 1.000 | 0.857 |" in text
    assert "recall 0.750 < 0.95 |" in text
    assert "| 0 ms | 1.5 s | reached |" in text
    assert "| `exhaustion` | 0 | 0 |  | 0.000 |  | 2 | 48.0 |" in text
    assert "| 25 ms | 27.5 ms | 6 ms | 2 |" in text
    assert "| 0 ms | none | none | 0 |" in text
    assert "skipped" in text
