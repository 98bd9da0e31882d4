"""A labelled market says truly what it did, and does it again for the same seed."""

from collections import Counter
from itertools import islice, pairwise, takewhile
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Exchange, Side, Venue
from cloud_marketdata.simulator.labelled.chance import Chance
from cloud_marketdata.simulator.labelled.fair import walk
from cloud_marketdata.simulator.labelled.markets import LabelledMarkets, Labels
from cloud_marketdata.simulator.labelled.plants import RECIPES, plantable
from cloud_marketdata.simulator.labelled.spec import Spec, read_spec
from cloud_marketdata.simulator.labelled.truth import Line, Truth, TruthFile, read_truths
from cloud_marketdata.simulator.labelled.venue import LabelledVenue
from cloud_marketdata.simulator.labelled.visits import Visits
from cloud_marketdata.simulator.listing import known
from cloud_marketdata.simulator.market import Fill, MarketEvent
from cloud_marketdata.simulator.shadow import ShadowBooks

START = 1_786_310_819_000_000_000
K = SignalKind
seeds = st.integers(0, 2**32)
venues = st.sampled_from(list(Venue))


class Played:
    """One planted kind (or none) on a venue, played once, in terms of the venue's own JSON."""

    def __init__(self, venue: Venue, spec: Spec, seed: int = 7, seconds: int = 0) -> None:
        self.truths: list[Truth] = []
        self.venue = LabelledVenue(
            venue, known(venue, "BTCUSDT"), spec, seed, START, self.truths.append
        )
        until = START + seconds * NS_PER_S if seconds else 1 << 62
        self.frames = []
        for frame in self.venue:
            self.frames.append(frame)
            whole = any(sign in frame.payload[:60] for sign in (b"@bookTicker", b'"orderbook.'))
            if whole and (frame.received_at >= until or (not seconds and self.venue.done)):
                break

    def trades(self) -> list[dict[str, object]]:
        """Return the trades of Binance as the wire says them."""
        said = [msgspec.json.decode(f.payload) for f in self.frames if b"@trade" in f.payload[:60]]
        return [one["data"] for one in said]

    def planted(self, kind: SignalKind) -> list[Truth]:
        """Return what was planted of a kind."""
        return [truth for truth in self.truths if truth.kind is kind and not truth.natural]


def only(kind: SignalKind, rounds: int = 2) -> Played:
    return Played(Venue.BINANCE_USDM, Spec((kind,), rounds, warm_s=20, pause_s=3))


@settings(max_examples=3, deadline=None)
@given(seed=seeds, venue=venues)
def test_the_same_seed_gives_the_same_bytes_and_the_same_truth(seed, venue):
    spec = Spec(warm_s=5, pause_s=1)
    first, again = (Played(venue, spec, seed, 60) for _ in range(2))
    assert (first.frames, first.truths) == (again.frames, again.truths)
    assert first.frames != Played(venue, spec, seed + 1, 60).frames


@pytest.mark.parametrize("venue", list(Venue))
def test_every_size_of_every_kind_the_venue_can_show_is_planted_as_often_as_asked(venue):
    rounds = 2 if venue is Venue.BINANCE_USDM else 1
    played = Played(venue, Spec(rounds=rounds, warm_s=5, pause_s=2))
    planted = Counter((truth.kind, truth.size) for truth in played.truths if not truth.natural)
    assert set(planted.values()) == {rounds}
    assert Counter(kind for kind, _ in planted) == Counter(k for k, _ in plantable(venue, ()))
    assert (K.TRADE_GAP in {kind for kind, _ in planted}) == (venue.exchange is Exchange.BINANCE)


@settings(max_examples=5, deadline=None)
@given(seed=seeds, venue=venues)
def test_the_deltas_make_the_book_of_now_and_it_is_not_crossed(seed, venue):
    calm = tuple(kind for kind in RECIPES if kind not in {K.SEQUENCE_GAP, K.CROSSED_BOOK})
    played = Played(venue, Spec(calm, warm_s=5, pause_s=1), seed, 90)
    books = ShadowBooks(venue)
    for frame in played.frames:
        books.receive(frame.payload)
    market = played.venue.session.market
    reply = msgspec.json.decode(books.snapshot("BTCUSDT"))
    book = reply["data"] if venue.exchange is Exchange.BYBIT else reply
    bids, asks = (book["b"], book["a"]) if "b" in book else (book["bids"], book["asks"])
    tick = market.listing.tick
    assert market.bids.best < market.asks.best
    assert {msgspec.convert(p, type(tick), strict=False) for p, _ in bids} == {
        price * tick for price in market.bids.lots
    }
    assert len(asks) == len(market.asks)


@settings(max_examples=5, deadline=None)
@given(seed=seeds, venue=venues)
def test_frames_arrive_in_order_and_after_they_happened(seed, venue):
    played = Played(venue, Spec(rounds=0), seed, 60)
    times = [frame.received_at for frame in played.frames]
    assert times == sorted(times)
    for frame in played.frames:
        data = msgspec.json.decode(frame.payload).get("data", {})
        if isinstance(data, dict) and "T" in data:
            assert 0 <= frame.received_at - data["T"] * NS_PER_MS < NS_PER_S


@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_no_two_taker_orders_share_a_millisecond(seed):
    played = Played(Venue.BINANCE_USDM, Spec(rounds=0), seed, 60)
    trades = played.trades()
    orders = [(t["T"], t["m"]) for t in trades]
    runs = [o for n, o in enumerate(orders) if n == 0 or orders[n - 1] != o]
    assert len(runs) > 60
    assert len({time for time, _ in runs}) == len(runs)


def test_a_sweep_is_one_order_through_as_many_prices_as_it_says():
    played = only(K.SWEEP)
    trades = played.trades()
    for truth in played.planted(K.SWEEP):
        mine = [t for t in trades if truth.first_id <= t["t"] <= truth.last_id]
        assert len({t["p"] for t in mine}) == int(truth.size.split()[0])
        assert {t["T"] * NS_PER_MS for t in mine} == {truth.start}
        assert {t["m"] for t in mine} == {truth.side is Side.SELL}


def test_a_large_trade_is_of_the_size_it_says():
    played = only(K.LARGE_TRADE)
    trades = {t["t"]: t for t in played.trades()}
    for truth in played.planted(K.LARGE_TRADE):
        mine = [trades[n] for n in range(truth.first_id, truth.last_id + 1)]
        amount = sum(float(t["p"]) * float(t["q"]) for t in mine)
        assert amount == pytest.approx(int(truth.size.split()[0]) * 1000, rel=0.02)


def test_an_absorbed_price_takes_what_it_says_and_holds():
    played = only(K.ABSORPTION)
    trades = played.trades()
    assert len(played.planted(K.ABSORPTION)) == 2 * len(RECIPES[K.ABSORPTION].sizes)
    for truth in played.planted(K.ABSORPTION):
        low, high, lots = truth.zone
        assert low == high
        at = [t for t in trades if truth.start <= t["T"] * NS_PER_MS <= truth.end + 5 * NS_PER_S]
        amount = lots * low * 0.1 * 0.001
        assert amount == pytest.approx(int(truth.size.split()[0]) * 1000, rel=0.25)
        prices = [float(t["p"]) for t in at if t["m"] == (truth.side is Side.SELL)]
        worst = min(prices) if truth.side is Side.SELL else max(prices)
        assert worst == pytest.approx(low * 0.1, rel=5e-5), "half a basis point at most"


def test_a_halt_is_as_silent_and_as_long_as_it_says():
    played = only(K.STALE_FEED)
    times = [frame.received_at for frame in played.frames]
    gaps = sorted(b - a for a, b in pairwise(times))[-6:]
    wanted = sorted(int(t.size.split()[0]) for t in played.planted(K.STALE_FEED))
    assert [round(gap / NS_PER_S) for gap in gaps] == wanted


def test_lost_trades_are_a_hole_of_their_number_and_there_is_no_other():
    played = only(K.TRADE_GAP)
    ids = [t["t"] for t in played.trades()]
    holes = [b - a - 1 for a, b in pairwise(ids) if b != a + 1]
    assert sorted(holes) == sorted(int(t.size.split()[0]) for t in played.planted(K.TRADE_GAP))


def test_lost_messages_of_the_book_break_the_chain_once_for_each_event():
    played = only(K.SEQUENCE_GAP)
    chain = [
        msgspec.json.decode(f.payload)["data"] for f in played.frames if b"@depth" in f.payload[:60]
    ]
    breaks = sum(b["pu"] != a["u"] for a, b in pairwise(chain))
    assert breaks == len(played.planted(K.SEQUENCE_GAP)) == 4


def test_a_wrong_clock_is_wrong_by_what_it_says_and_then_right_again():
    played = only(K.CLOCK_SKEW, rounds=1)
    steps = []
    for frame in played.frames:
        data = msgspec.json.decode(frame.payload).get("data", {})
        if "E" in data:
            steps.append(round((frame.received_at - data["E"] * NS_PER_MS) / NS_PER_S, 1))
    seen = {round(value * 1000, -2) for value in steps}
    assert seen == {0, -400, 600}


def test_what_is_repeated_was_there_before_and_nothing_else_is():
    played = only(K.DUPLICATES)
    ids = [t["t"] for t in played.trades()]
    assert len(ids) - len(set(ids)) == sum(
        int(t.size.split()[0]) for t in played.planted(K.DUPLICATES)
    )


def test_venues_of_one_seed_hear_the_same_news_each_with_its_delay():
    lag = 40
    spec = Spec(rounds=0)
    first = Played(Venue.BINANCE_USDM, spec, 3, 300).venue.session
    second = Played(Venue.BYBIT_LINEAR, Spec(rounds=0, lag_ms=lag), 3, 300).venue.session
    assert abs(first.market.fair - second.market.fair) < 30 * first.market.stride
    news = list(takewhile(lambda jump: jump.time < START + 20 * NS_PER_S, walk(3, START)))
    assert len(news) > 40
    assert news == list(islice(walk(3, START), len(news)))


def test_chance_knows_orders_that_are_large_among_their_day():
    chance, random = Chance(), Random(3)  # noqa: S311 - the law is about seeds
    sizes = [random.randrange(1, 1_000) for _ in range(1_000)]
    found = [list(chance.order(n, [Fill(n, 10, size, buy=True)])) for n, size in enumerate(sizes)]
    assert not any(found)
    [large] = chance.order(1_000, [Fill(1_000, 10, 1_000, buy=True)])
    assert (large.kind, large.natural) == (K.LARGE_TRADE, True)
    assert not list(chance.order(1_001, [Fill(1_001, 10, 500, buy=True)]))


def test_chance_knows_a_minute_whose_price_and_delta_part():
    chance = Chance()
    minute = 60 * NS_PER_S
    orders = [(0, 100, True), (1, 110, False), (2, 110, False), (minute, 120, True)]
    said = [
        truth
        for n, (time, price, buy) in enumerate(orders)
        for truth in chance.order(time, [Fill(n, price, 5, buy=buy)])
    ]
    assert [(t.kind, t.start, t.end) for t in said] == [(K.DIVERGENCE, 0, minute)]


def test_chance_knows_prices_that_took_much_and_more_than_they_showed():
    visits, second = Visits(), NS_PER_S

    def hit(time: int, price: int, lots: int, left: int) -> list[Truth]:
        fills = [Fill(1, price, lots, buy=True)]
        return list(visits.event(time, MarketEvent(time, 1, 1, fills, {}, {price: left})))

    for n in range(1_100):
        assert hit(n * second, 1_000 + n, 10 + n % 7, 5) == []
    late = 2_000 * second
    assert hit(late, 50, 400, 600) + hit(late + second, 50, 500, 100) == [], "it showed all of it"
    assert hit(late, 60, 300, 100) == []
    [truth] = hit(late + second, 60, 300, 100)
    assert (truth.kind, truth.natural, truth.zone.lots) == (K.ABSORPTION, True, 600)
    assert hit(late + 2 * second, 60, 300, 100) == [], "it is told once"


def test_a_spec_is_read_from_words_and_a_wrong_one_is_refused():
    spec = read_spec("kinds=sweep,absorption rounds=3 warm_s=60")
    assert spec == Spec((K.SWEEP, K.ABSORPTION), 3, 60)
    assert read_spec("") == Spec()
    for wrong in ("kinds=sweeps", "rounds=-1", "rounds=x", "pause_s=0", "depth=3", "lag_ms=-1"):
        with pytest.raises(BadRequestError, match="labelled market"):
            read_spec(wrong)


def test_truth_comes_back_from_its_file_as_it_was(tmp_path):
    played = only(K.SWEEP)
    file = TruthFile(tmp_path / "truth.jsonl")
    said = [Line(Venue.BINANCE_USDM, "BTCUSDT", truth) for truth in played.truths]
    for line in said:
        file.append(line)
    lines = (tmp_path / "truth.jsonl").read_bytes().splitlines()
    assert len(said) > 6
    assert read_truths(lines) == said


def test_a_served_venue_plays_its_symbols_in_the_order_of_arrival_and_writes_their_truth(tmp_path):
    venue, file = Venue.BYBIT_LINEAR, TruthFile(tmp_path / "truth.jsonl")
    labels = Labels(Spec((K.SWEEP,), warm_s=5, pause_s=2), file)
    listings = [known(venue, symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    frames = list(islice(LabelledMarkets(venue, listings, labels, 3, START), 2_000))
    times = [frame.received_at for frame in frames]
    assert times == sorted(times)
    lines = read_truths((tmp_path / "truth.jsonl").read_bytes().splitlines())
    assert {line.symbol for line in lines} == {"BTCUSDT", "ETHUSDT"}
    assert {line.truth.kind for line in lines if not line.truth.natural} == {K.SWEEP}
