"""Books of the captures, renewed again and again while they are served: no hole, no difference.

The snapshots come from `ShadowBooks`, which keeps the venue's side of the capture with code of its
own, and are as old as an answer by REST would be. The venue's tickers judge the renewed books.
"""

import pytest
from recordings import SPOT_0808, USDM_0718, frames, player

from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.storage.ports import BookState

SYMBOL = "BTCUSDT"
EVERY, AGE = 200, 7


@pytest.mark.parametrize("recording", [USDM_0718, SPOT_0808], ids=["usdm", "spot"])
def test_a_book_renewed_every_few_seconds_is_the_venues_own(data, played, recording):
    playing, shadow = player(data, recording.venue), ShadowBooks(recording.venue)
    body, asked_at, depths, tried = None, 0, 0, 0
    for frame in frames(data, recording):
        shadow.receive(frame.payload)
        playing.play([frame])
        sync = playing.intake.lane(SYMBOL).sync
        if sync.state is not BookState.SYNCED or b'"depthUpdate"' not in frame.payload:
            continue
        depths += 1
        if depths % EVERY == 0:
            sync.refresh()
            asked_at, body, tried = depths, shadow.snapshot(SYMBOL), tried + 1
        elif sync.refreshing and depths == asked_at + AGE:
            at = frame.received_at
            playing.intake.snapshot(
                SYMBOL, playing.intake.collector.decode_snapshot(SYMBOL, body, at)
            )
    undisturbed = played("usdm-0718" if recording is USDM_0718 else "spot-0808")
    theirs, lane = undisturbed.intake.lanes[SYMBOL], playing.intake.lanes[SYMBOL]
    assert tried > 10
    assert sync.refreshes >= tried - 1
    assert (sync.refresh_failed, sync.refresh_different, sync.resyncs) == (
        0,
        0,
        theirs.sync.resyncs,
    )
    assert (lane.tickers.equal, lane.tickers.different) == (theirs.tickers.equal, 0)
    assert lane.tickers.equal > 100
    assert sync.book.bids.sizes == theirs.sync.book.bids.sizes
    assert sync.book.asks.sizes == theirs.sync.book.asks.sizes
