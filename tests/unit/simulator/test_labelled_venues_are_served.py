"""A labelled market behind a venue's own doors: what it loses, the venue's REST still knows."""

from itertools import islice

import msgspec
import pytest
from stagehand import TurnedClock

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.labelled.spec import Spec
from cloud_marketdata.simulator.labelled.truth import read_truths
from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.simulator.staging import Simulation, prepare

GAPS = Spec((SignalKind.SEQUENCE_GAP,), warm_s=2, pause_s=1)


@pytest.mark.parametrize("venue", list(Venue))
def test_the_venue_answers_with_its_book_also_after_it_lost_messages(venue, tmp_path):
    truth = tmp_path / "truth.jsonl"
    options = Simulation(venues=(venue,), labelled=GAPS, truth=truth)
    (act,) = prepare(options, TurnedClock())
    books, unknown, longest = ShadowBooks(venue), 0, 0
    for frame in islice(act.source, 1_500):
        books.receive(frame.payload)
        unknown = 0 if books.snapshot("BTCUSDT", 1) else unknown + 1
        longest = max(longest, unknown)
    assert len(read_truths(truth.read_bytes().splitlines())) > 2
    assert longest < 15, "the frames from a loss to the next whole book"


def test_each_venue_hears_the_news_later_than_the_one_before_it():
    venues = (Venue.BINANCE_USDM, Venue.BINANCE_SPOT)
    options = Simulation(venues=venues, labelled=Spec(rounds=0, lag_ms=2_000_000))
    informed, uninformed = (
        moved(list(islice(act.source, 8_000))) for act in prepare(options, TurnedClock())
    )
    assert informed > 2 * uninformed


@pytest.mark.parametrize(
    "wrong",
    [
        {"captures": ("some.gz",), "labelled": Spec()},
        {"truth": "truth.jsonl"},
    ],
)
def test_what_cannot_be_planted_is_refused(wrong):
    with pytest.raises(BadRequestError, match=r"planted|labelled"):
        prepare(Simulation(venues=(Venue.BINANCE_SPOT,), **wrong), TurnedClock())


def moved(frames: list[Frame]) -> float:
    """Return how far apart the best bids of bookTicker lie."""
    tickers = (frame.payload for frame in frames if b"@bookTicker" in frame.payload[:60])
    best = [float(msgspec.json.decode(payload)["data"]["b"]) for payload in tickers]
    return max(best) - min(best)
