"""Clocks and lags on real tape: what is known of the captures, and what is planted in them."""

import pytest
from logged import logged
from msgspec.structs import replace

from cloud_marketdata.domain.events import LogEvent, StatusEvent, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.processing.detectors.clock_skew import LEAST_ENTRIES, ClockSkew
from cloud_marketdata.processing.flow.offline import TapeAnalysis
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.pairs.offline import compared
from cloud_marketdata.storage.ports import Batch, Record, Stream

OTHER = Venue.BYBIT_LINEAR


@pytest.mark.parametrize(
    ("name", "least"), [("spot-0808", -1274), ("usdm-0808", -1271), ("usdm-0718", -1522)]
)
def test_a_capture_tells_how_far_the_recorders_clock_was_off(data, name, least):
    entries = logged(data, name)
    trades = (one for entry in entries for one in entry.events if isinstance(one, TradeEvent))
    analysis = TapeAnalysis(next(trades).instrument, [ClockSkew()])
    for entry in entries:
        analysis.take(entry)
    analysed = analysis.end()
    (alarm,) = analysed.signals
    assert alarm.state is SignalState.OPEN
    told = [minute.readings["clock"] for minute in analysed.minutes]
    told = [one for one in told if one["n"] >= LEAST_ENTRIES]
    assert len(told) >= 6
    assert all(abs(one["min_ms"] - least) <= 5 for one in told)
    assert all(least - 5 <= one["median_ms"] < -1200 for one in told)


@pytest.mark.parametrize("lag", [0, 37, -120])
def test_a_lag_planted_between_a_real_market_and_itself_is_found_within_5_ms(data, lag):
    entries = logged(data, "usdm-0718")
    pair = Pair(Venue.BINANCE_USDM, OTHER, entries[0].stream.symbol)
    streams: dict[Stream, list[Record]] = {stream: [] for stream in pair.streams}
    for position, entry in enumerate(entries, start=1):
        for one in (entry, _followed(entry, lag)):
            streams[one.stream].append(Record(position, one.events))
    made = compared(pair, streams)
    told = [one.readings["lead_lag"] for one in made.minutes if "lead_lag" not in one.warming]
    assert len(told) >= 5
    # Each market's clock is off by the same, so both ways of counting the lag are one.
    assert all(abs(one["tape_lag_ms"] - lag) <= 5 for one in told)
    assert all(one["lag_match_ms"] == one["lag_ms"] == one["tape_lag_ms"] for one in told)
    assert all(one["z"] > 20 for one in told)
    assert not made.signals


def _followed(entry: Batch, lag: int) -> Batch:
    """Return the entry as another venue would have sent it, so many ms later."""
    events = [_later(event, lag * NS_PER_MS) for event in entry.events]
    return Batch(entry.stream._replace(venue=OTHER), events)


def _later(event: LogEvent, by: int) -> LogEvent:
    received = event.received_at + by
    if isinstance(event, StatusEvent):
        return replace(event, venue=OTHER, received_at=received)
    instrument = Instrument(OTHER, event.instrument.symbol, event.instrument.scale)
    return replace(
        event,
        instrument=instrument,
        exchange_time=event.exchange_time + by,
        received_at=received,
    )
