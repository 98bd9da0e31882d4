"""What the log has acknowledged is counted trade by trade, with the way that each has come."""

from collections import Counter, defaultdict

from frames import BTC, MS
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_marketdata.collectors.appended import Appended
from cloud_marketdata.core.telemetry.catalogue import BOOK_UPDATES, INGEST_LATENCY, TRADES
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Venue
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

AT = MS * NS_PER_MS
VENUES = (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
markets = st.tuples(st.sampled_from(VENUES), st.sampled_from(["BTCUSDT", "ETHUSDT"]))
delays = st.integers(-5 * NS_PER_S, 90 * NS_PER_S)
ways = st.lists(st.tuples(delays, st.sampled_from([0, 1, 7])), min_size=1, max_size=20)
appends = st.lists(st.tuples(markets, ways), max_size=12)


def trades_of(venue: Venue, way: list[tuple[int, int]]) -> list[TradeEvent]:
    """Return trades that came with these delays, in reads `read` ms after the first."""
    btc = replace(BTC, venue=venue)
    return [
        TradeEvent(btc, n, 1, 1, Side.BUY, AT - delay, AT + read * NS_PER_MS, n, 1, 0)
        for n, (delay, read) in enumerate(way)
    ]


def told(appended: Appended) -> dict[tuple[str, ...], object]:
    """Return every sample by its metric and labels; none may be there twice."""
    samples = [((one.metric.name, *one.labels), one.value) for one in appended.measures()]
    assert len(samples) == len(dict(samples))
    return dict(samples)


@given(appends)
def test_each_trade_is_counted_once_by_market_and_by_stage(given_appends):
    appended, now = Appended(), AT + NS_PER_S
    counts: Counter[tuple[Venue, str]] = Counter()
    ways: defaultdict[tuple[Venue, str], Histogram] = defaultdict(Histogram)
    for (venue, symbol), way in given_appends:
        trades = trades_of(venue, way)
        appended.note([Batch(Stream(venue, symbol, StreamKind.TRADES), trades)], now)
        counts[venue, symbol] += len(trades)
        # One by one, as nobody in a hurry would do it.
        for trade in trades:
            received_s = (trade.received_at - trade.exchange_time) / NS_PER_S
            ways[venue, "received"].observe(received_s)
            ways[venue, "logged"].observe((now - trade.received_at) / NS_PER_S)
    seen = told(appended)
    for (venue, symbol), count in counts.items():
        assert seen[TRADES.name, venue.exchange.value, venue.value, symbol] == count
    for (venue, stage), histogram in ways.items():
        found = seen[INGEST_LATENCY.name, venue.exchange.value, venue.value, stage]
        assert found.counts == histogram.counts
        assert abs(found.total - histogram.total) < 1e-6
    assert len(seen) == len(counts) + len(ways)


def test_book_events_are_counted_and_facts_are_not():
    appended = Appended()
    book = Stream(Venue.BINANCE_USDM, "BTCUSDT", StreamKind.BOOK)
    appended.note([Batch(book, [object()] * 3), Batch(book, [object()])], AT)
    appended.note([Batch(book._replace(kind=StreamKind.STATUS), [object()])], AT)
    assert told(appended) == {(BOOK_UPDATES.name, "binance", "binance-usdm", "BTCUSDT"): 4}
