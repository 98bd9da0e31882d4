"""What a recording holds decides what is listed, what is served and what REST can tell."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.binance import BinanceClient, BinanceVenue
from cloud_marketdata.simulator.capture import Frame, read_capture
from cloud_marketdata.simulator.listing import Listing, choose, read_listings
from cloud_marketdata.simulator.recording import Recording
from cloud_marketdata.simulator.survey import early_books, survey
from cloud_marketdata.simulator.tape import Tape

DATA = Path(__file__).parents[3].parent / "shared" / "data"
TRADE = {
    "e": "trade",
    "E": 2,
    "s": "BTCUSDT",
    "t": 5,
    "p": "10.50",
    "q": "0.100",
    "T": 1,
    "m": True,
}
AGG = {"e": "aggTrade", "E": 2, "s": "BTCUSDT", "a": 9, "p": "1", "q": "2", "f": 3, "l": 5, "T": 1}


def frame(kind: str, data: dict) -> bytes:
    return msgspec.json.encode({"stream": f"btcusdt@{kind}", "data": data})


def staged(*payloads: bytes, venue: Venue = Venue.BINANCE_USDM) -> BinanceVenue:
    held = survey(Frame(n, payload) for n, payload in enumerate(payloads))
    return BinanceVenue(venue, held, lambda: 0.0)


def test_the_grid_is_what_the_decimals_in_use_need():
    trades = [frame("trade", TRADE), frame("trade", TRADE | {"p": "10.00", "q": "3.125000"})]
    held = survey(Frame(0, payload) for payload in trades)
    listing = held.listings["BTCUSDT"]
    assert held.streams == {"btcusdt@trade"}
    assert (listing.tick, listing.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert (listing.base, listing.quote) == ("BTC", "USDT")


def test_a_real_capture_lists_its_symbols_on_the_venues_grid():
    path, instruments = DATA / "bybit_linear_20260809.gz", DATA / "instruments.json"
    if not path.exists():
        pytest.skip("the captures of ../shared/data are not here")
    held = survey(read_capture([path]))
    known = read_listings(instruments, Venue.BYBIT_LINEAR)
    assert set(held.listings) == set(known) == {"BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"}
    for symbol, listing in held.listings.items():
        assert listing.tick % known[symbol].tick == 0
        assert listing.lot % known[symbol].lot == 0


def test_the_early_books_stand_where_the_recorded_snapshot_was_reached():
    path = DATA / "spot_btcusdt_20240808.gz"
    if not path.exists():
        pytest.skip("the captures of ../shared/data are not here")
    books = early_books(Venue.BINANCE_SPOT, read_capture([path]), ["BTCUSDT"])
    before = []
    for payload in (frame.payload for frame in read_capture([path])):
        if payload.startswith(b'{"lastUpdateId"'):
            break
        before.append(payload)
    newest = msgspec.json.decode([p for p in before if b"@depth" in p][-1])["data"]
    assert msgspec.json.decode(books.snapshot("BTCUSDT"))["lastUpdateId"] == newest["u"]


def test_an_instruments_file_goes_before_the_table(tmp_path):
    path = tmp_path / "instruments.json"
    path.write_text('{"bybit-spot":{"ABCUSDT":{"tick_size":"0.25","lot_size":"10"}}}')
    chosen = choose(Venue.BYBIT_SPOT, ["ABCUSDT", "BTCUSDT"], path)
    assert (chosen["ABCUSDT"].tick, chosen["ABCUSDT"].lot) == (Decimal("0.25"), Decimal(10))
    assert chosen["ABCUSDT"].start % chosen["ABCUSDT"].tick == 0
    assert chosen["BTCUSDT"].tick == Decimal("0.1")


@pytest.mark.parametrize("text", ["", "[]", '{"bybit-spot":{"A":{"tick_size":"x"}}}'])
def test_a_wrong_instruments_file_is_named(tmp_path, text):
    path = tmp_path / "instruments.json"
    path.write_text(text)
    with pytest.raises(BadRequestError, match=r"instruments\.json: not an instruments file"):
        read_listings(path, Venue.BYBIT_SPOT)


def test_a_recording_with_aggregates_of_its_own_gets_no_made_ones():
    agg = frame("aggTrade", AGG | {"m": True})
    stage = staged(frame("trade", TRADE), agg)
    client = BinanceClient(lambda _: None)
    stage.subscriptions.add("btcusdt@aggTrade", client)
    assert list(stage.deliveries(frame("trade", TRADE))) == []
    assert list(stage.deliveries(agg)) == [(client, "btcusdt@aggTrade", agg)]
    assert [row.a for row in stage.tapes.aggregates("BTCUSDT").newest(9)] == [9]


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_fills_away_from_the_market_make_no_aggregate(kind):
    payload = frame("trade", TRADE | {"X": kind})
    stage = staged(payload)
    client = BinanceClient(lambda _: None)
    stage.subscriptions.add("btcusdt@aggTrade", client)
    stage.subscriptions.add("btcusdt@trade", client)
    assert list(stage.deliveries(payload)) == [(client, "btcusdt@trade", payload)]
    assert stage.tapes.aggregates("BTCUSDT").newest(9) == []


def test_an_rpi_fill_counts_nothing_in_the_size_without_rpi():
    payload = frame("trade", TRADE | {"X": "RPI"})
    stage = staged(payload)
    client = BinanceClient(lambda _: None)
    client.combined = False
    stage.subscriptions.add("btcusdt@aggTrade", client)
    ((_, _, event),) = stage.deliveries(payload)
    assert (msgspec.json.decode(event)["q"], msgspec.json.decode(event)["nq"]) == ("0.100", "0")


def test_a_frame_nobody_can_read_is_nobodys():
    stage = staged(frame("trade", TRADE))
    stage.subscriptions.add("btcusdt@depth", BinanceClient(lambda _: None))
    assert list(stage.deliveries(b'{"stream":"btcusdt@depth","data":{"e":}}')) == []


@pytest.mark.parametrize(
    "payload",
    [
        frame("trade", TRADE),
        b'{"topic":"publicTrade.BTCUSDT","data":[{"p":"10.50"},{"p":"10.50"}]}',
    ],
)
def test_trades_of_a_recording_cost_one_new_tick_more_once_its_grid_is_finer(tmp_path, payload):
    others = [
        frame("depth", {"b": [["10.50", "1"]]}),
        payload.replace(b"BTC", b"ETH"),
        b"{nonsense}",
    ]
    others[1] = others[1].replace(b"btc", b"eth")
    path = tmp_path / "capture"
    path.write_bytes(b"".join(b"%d %b\n" % (10**18, line) for line in (payload, *others, payload)))
    recording = Recording([path])
    frames = iter(recording)
    assert next(frames).payload == payload
    recording.refine(Listing("BTCUSDT", Decimal("0.001"), Decimal(1), Decimal(1)))
    later = [frame.payload for frame in frames]
    assert later == [*others, payload.replace(b"10.50", b"10.501")]


@given(
    steps=st.lists(st.integers(1, 5), max_size=40),
    start=st.none() | st.integers(-5, 60),
    end=st.none() | st.integers(-5, 60),
    limit=st.integers(1, 50),
)
def test_the_tape_finds_what_a_walk_over_its_rows_finds(steps, start, end, limit):
    tape: Tape[int] = Tape(lambda row: row, lambda: 0.0)
    rows = [sum(steps[: n + 1]) for n in range(len(steps))]
    for row in rows:
        tape.add(row)
    inside = [r for r in rows if (start is None or r >= start) and (end is None or r <= end)]
    expected = inside[-limit:] if start is None else inside[:limit]
    assert tape.between(lambda row: row, start, end, limit) == expected
    if start is not None:
        assert tape.from_id(start, limit) == [row for row in rows if row >= start][:limit]


@given(st.lists(st.floats(0, 9), max_size=30).map(sorted), st.floats(0, 9))
def test_a_tape_of_an_earlier_moment_holds_what_had_arrived_by_then(arrivals, moment):
    coming = iter(arrivals)
    tape: Tape[int] = Tape(lambda row: row, lambda: next(coming))
    for row in range(len(arrivals)):
        tape.add(row)
    then = tape.as_of(moment)
    assert then.newest(99) == [row for row, at in enumerate(arrivals) if at <= moment]
    assert len(tape) == len(arrivals)
