"""Order flow imbalance against what others measured on the same capture (definitions 2.6).

The published R^2 of the mid's change on the imbalance was made of the venue's own best quotes. Our
book of the same market comes every 100 ms and joins what happens in between, so it explains less.
"""

from collections.abc import Iterator

import pytest
from recordings import RECORDINGS, frames, player

from cloud_marketdata.domain.events import BestQuote
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.offline import Analysed, TapeAnalysis
from cloud_marketdata.processing.metrics import ofi, ofi_levels, spreads
from cloud_marketdata.processing.metrics.linear_fit import Fit
from cloud_marketdata.processing.metrics.ofi import Ofi, flow
from cloud_marketdata.processing.metrics.ofi_levels import OfiLevels
from cloud_marketdata.processing.metrics.spreads import Spreads
from cloud_marketdata.replay.player import Player

S = 1_000_000_000


def quotes(data, name: str) -> Iterator[BestQuote]:
    collector = player(data, RECORDINGS[name].venue).intake.collector
    for frame in frames(data, RECORDINGS[name]):
        if b"@bookTicker" in frame.payload[:80]:
            yield from collector.decode(frame.payload, frame.received_at)


@pytest.fixture(scope="module")
def spot(data) -> list[BestQuote]:
    return list(quotes(data, "spot-0808"))


@pytest.mark.parametrize(("seconds", "published"), [(1, 0.51), (5, 0.61), (10, 0.59)])
def test_of_the_venues_own_quotes_the_published_r_squared_comes_out(spot, seconds, published):
    sums: dict[int, list[int]] = {}
    start, old = spot[0].received_at, spot[0]
    for new in spot:
        twice_mid = new.bid[0] + new.ask[0]
        window = sums.setdefault((new.received_at - start) // (seconds * S), [0, twice_mid, 0])
        window[0] += flow(old.bid, old.ask, new.bid, new.ask)
        window[2] = twice_mid
        old = new
    fit = Fit()
    for imbalance, first, last in sums.values():
        fit = fit.observed(imbalance, last - first)

    assert len(spot) == 73_174
    assert fit.r_squared == pytest.approx(published, abs=0.005)


class Analysing(Player):
    """A player whose log is analysed instead of being folded."""

    def analyse(self, frames, *folds: Fold) -> Analysed:
        """Play the frames to readings."""
        self._batches = []
        self.play(frames)
        instrument = next(
            event.instrument
            for batch in self._batches
            for event in batch.events
            if hasattr(event, "instrument")
        )
        analysis = TapeAnalysis(instrument, folds)
        for batch in self._batches:
            analysis.take(batch)
        return analysis.end()

    def _fold(self, batches) -> None:
        self._batches += batches


@pytest.mark.parametrize(("name", "least"), [("spot-0808", 0.5), ("usdm-0808", 0.5)])
def test_of_our_own_book_the_imbalance_explains_half_of_what_the_mid_does(data, name, least):
    recording = RECORDINGS[name]
    played = Analysing(recording.venue)
    minutes = played.analyse(frames(data, recording), Ofi(), OfiLevels(), Spreads()).minutes
    scale = minutes[-1].instrument.scale
    readings = {
        measure: [one.readings[measure] for one in minutes if measure in one.readings]
        for measure in ("ofi", "ofi_levels", "spreads")
    }
    told = ofi.described(ofi.merged(readings["ofi"]), scale)
    vector = ofi_levels.described(ofi_levels.merged(readings["ofi_levels"]), scale)
    cost = spreads.described(spreads.merged(readings["spreads"]), scale)

    assert told["r_squared_10s"] > least
    assert told["windows_10s"] > 30
    assert vector["ofi_levels"][0] == told["ofi"]
    # One tick is the rule on these books; orders reach through it and the price follows them.
    assert 0 < cost["quoted_bp"] < 0.05 < cost["effective_bp"] < 10
    assert cost["impact_5s_bp"] > 0
